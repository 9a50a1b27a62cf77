"""Every address that an answer or a text of ours names, and whether it leads anywhere."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from msgspec import DecodeError

from config.settings import Settings
from tests.api.asgi import Answer, ask
from tests.contract.test_table import DOCUMENT

BASE = Settings().base_url()
PLACEHOLDER = "0193a2b4-ffff-7000-8000-00000000000f"
OURS = ("/api/", "/wiki", "/t/", "/docs", "/health", "/swagger", "/.well-known/", "/app", "/login", "/signup")
SAID = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/[\w./:{}-]*[\w}])")
VARIES = re.compile(r"\{[\w.]*\}|:\w+|…")


class Link(NamedTuple):
    method: str
    path: str


def of_answer(answer: Answer) -> list[Link]:
    """What lies under another address is not ours to follow."""
    found = [Link("GET", answer.headers["location"])] if "location" in answer.headers else []
    try:
        return found + list(_of(answer.json()))
    except DecodeError:
        return found


def of_text(text: str) -> list[Link]:
    return [Link(method, path) for method, path in SAID.findall(text)]


def _of(value: Any) -> Iterator[Link]:
    match value:
        case {"role": _, "path": _}:
            return  # of the list of routes, which has a test of its own
        case {"method": str(method), "path": str(path), **others}:
            yield Link(method, path)
            yield from _of(others)
        case dict():
            for each in value.values():
                yield from _of(each)
        case list():
            for each in value:
                yield from _of(each)
        case str() if value.startswith(BASE) or value.startswith(OURS):
            yield Link("GET", urlsplit(value).path)
        case str():
            yield from of_text(value)


async def is_dead(app: Any, link: Link) -> bool:
    """Nobody in particular asks: where there is a route, the answer is at worst that a key is needed."""
    path = VARIES.sub(PLACEHOLDER, link.path.replace("{position}", "7"))
    answer = await ask(app, path, method=link.method)
    if answer.status == 501:
        return True
    return answer.status == 404 and not _is_public_and_of_nobody(link)


def _is_public_and_of_nobody(link: Link) -> bool:
    """A tenant that there is not is not found either, though its route is there: then the document has it."""
    return any(
        "{tenant_id}" in path and link.method.lower() in item and _fits(path.split("/"), link.path.split("/"))
        for path, item in DOCUMENT["paths"].items()
    )


def _fits(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    return len(pattern) == len(parts) and all(
        each.startswith("{") or each == part for each, part in zip(pattern, parts, strict=True)
    )
