"""Each table of each page is there as JSON, as CSV and as a command; and each command on a page is one of ours."""

import html
import re
import shlex
from collections.abc import AsyncIterator

import pytest
from cyclopts import CycloptsError

from loopctl.cli.main import app, options_last
from tests.api.asgi import Answer, ask
from tests.api.web.world import World, sign_in, world
from tests.support.database import copied_database

TOOLS = re.compile(r'href="([^"]*format=(json|csv))"')
COMMAND = re.compile(r'(?:data-copy="|As a command <code>)(loopctl [^"<]+)')


@pytest.fixture(scope="module")
async def laid_out(postgres_admin_url: str, database_template: str) -> AsyncIterator[World]:
    async with (
        copied_database(postgres_admin_url, database_template) as copied,
        world(copied, [f"Text {number}" for number in range(10)]) as made,
    ):
        yield made


async def pages(laid_out: World) -> dict[str, tuple[str, Answer]]:
    """Each by its path, with the cookie that opens it."""
    person = await sign_in(laid_out.service, laid_out.team.user.raw)
    root = await sign_in(laid_out.service, laid_out.root)
    of = {**dict.fromkeys(laid_out.paths, person), **dict.fromkeys(laid_out.operating, root)}
    return {path: (cookie, await look(laid_out, path, cookie)) for path, cookie in of.items()}


async def look(laid_out: World, path: str, cookie: str) -> Answer:
    return await ask(laid_out.service.app, path, headers={"Accept": "text/html", "Cookie": cookie})


async def test_every_table_is_there_for_other_tools(laid_out: World) -> None:
    """Went red with a table without its line below, and with an address that is refused."""
    for path, (cookie, page) in (await pages(laid_out)).items():
        text = html.unescape(page.body.decode())
        found = TOOLS.findall(text)
        assert text.count("<table>") <= len(found) / 2, path
        for address, kind in found:
            answer = await look(laid_out, address, cookie)
            wanted = {"json": "application/json", "csv": "text/csv"}[kind]
            assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, wanted), (path, address)
            assert len(answer.body) > 2 or "table=sessions" not in address, (path, address)


async def test_every_command_on_a_page_is_one_that_there_is(laid_out: World) -> None:
    """With its arguments. Went red with "loopctl agents list"."""
    said = {
        (path, command)
        for path, (_, page) in (await pages(laid_out)).items()
        for command in COMMAND.findall(html.unescape(page.body.decode().replace("&#34;", "''")))
    }
    assert len(said) > 60
    wrong = [(path, command, problem) for path, command in sorted(said) if (problem := _problem(command))]
    assert wrong == []
    assert _problem("loopctl agents list"), "the control"


def _problem(command: str) -> str:
    try:
        app.parse_args(options_last(shlex.split(command)[1:]), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return str(error)
    return ""
