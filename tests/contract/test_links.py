"""No link to a page that does not exist: in answers (test_routes.py), in what the source tells people, in the docs."""

import re
from typing import Any

import pytest

from tests.api.asgi import ask, made
from tests.contract.links import Link, is_dead, of_answer, of_text
from tests.house.tree import sources
from tests.support.running import CHECKOUT

IN_MARKDOWN = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("deploy/**/*.md")])


async def test_every_address_that_the_entry_documents_name_leads_somewhere() -> None:
    """Went red for five addresses in /.well-known/loopctl."""
    app = made()
    for path in ("/", "/api/v1", "/.well-known/loopctl", "/health"):
        answer = await ask(app, path)
        assert [link for link in of_answer(answer) if await is_dead(app, link)] == []


async def test_every_route_that_the_source_tells_of_is_there() -> None:
    app = made()
    told = {
        (source.name, link)
        for source in sources(".py")
        if source.package in ("api", "domain", "loopctl", "operations", "supervisor")
        if source.name != "api/not_built.py"
        for link in of_text(source.text)
    }
    assert sorted([(path, link) for path, link in told if await is_dead(app, link)]) == []
    assert len(told) > 5, "the control: such texts are found"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_every_file_that_a_document_links_to_is_there(document: Any) -> None:
    targets = [target for target in IN_MARKDOWN.findall(document.read_text("utf-8")) if "://" not in target]
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("link", "dead"),
    [
        (Link("GET", "/wikis/agent-pattern"), True),
        (Link("GET", "/api/v1/storys"), True),
        (Link("DELETE", "/api/v1/stories/ready/now"), True),
        (Link("GET", "/api/v1/tenants/{tenant_id}/audit_signing_key"), True),
        (Link("POST", "/api/v1/tenants/{tenant_id}/audit_public_key"), True),
        (Link("GET", "/api/v1/stories/ready"), False),
        (Link("GET", "/api/v1/tenants/{tenant_id}/audit_public_key"), False),
    ],
)
async def test_a_dead_link_is_told_from_one_that_leads_somewhere(link: Link, dead: bool) -> None:
    assert await is_dead(made(), link) is dead
