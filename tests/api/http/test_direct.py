"""The short way to a plain handler and the way through the framework give the same answers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from litestar.routes import HTTPRoute

from api.http.calling import direct_call
from tests.api.asgi import FORM, JSON, Echo, ask, made

PUBLIC = {"access": "public"}


async def nothing() -> None: ...


def plain() -> Sequence[HTTPRouteHandler]:
    @post("/echo/{number:int}", opt=PUBLIC, status_code=202)
    async def echo(number: FromPath[int], data: JSONBody[Echo]) -> list[Any]:
        return [number, data]

    return [echo]


def through_framework() -> Sequence[HTTPRouteHandler]:
    @post("/echo/{number:int}", opt=PUBLIC, status_code=202, dependencies={"none": Provide(nothing)})
    async def echo(number: FromPath[int], data: JSONBody[Echo], none: NamedDependency[None]) -> list[Any]:
        return [number, data]

    return [echo]


def takes_the_short_way(handlers: Sequence[HTTPRouteHandler]) -> bool:
    app = Litestar(list(handlers), openapi_config=None, logging_config=None)
    routes = [route for route in app.routes if isinstance(route, HTTPRoute)]
    types = {name: definition.type for name, definition in routes[0].path_parameters.items()}
    return direct_call(routes[0].route_handlers[0], types) is not None


def test_only_one_of_the_two_takes_the_short_way() -> None:
    assert takes_the_short_way(plain())
    assert not takes_the_short_way(through_framework())


@pytest.mark.parametrize("path", ["/echo/7", "/echo/x", "/echo/+7", "/echo/0_7", "/echo"])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b'{"name":"a","count":1,"tags":["x"]}'),
        (JSON, b'{"name":"a","extra":1}'),
        (JSON, b'{"count":1}'),
        (JSON, b'{"name":"a","count":"1"}'),
        (JSON, b'{"name":"a","count":1.0}'),
        (JSON, b'{"name":null}'),
        (JSON, b"[1]"),
        (JSON, b"null"),
        (JSON, b""),
        (JSON, b"{"),
        (FORM, b"name=a&count=3"),
        (FORM, b"count=3"),
        ({"Content-Type": "text/plain"}, b"{}"),
    ],
)
async def test_both_ways_answer_alike(path: str, headers: dict[str, str], body: bytes) -> None:
    short = await ask(made(*plain()), path, method="POST", headers=headers, body=body)
    long = await ask(made(*through_framework()), path, method="POST", headers=headers, body=body)
    fixed = ("content-type", "content-length", "content-security-policy", "x-content-type-options")
    assert (short.status, short.json()) == (long.status, long.json())
    assert [short.headers[name] for name in fixed] == [long.headers[name] for name in fixed]


async def test_a_body_with_a_default_may_be_left_out() -> None:
    @post("/a", opt=PUBLIC, status_code=200)
    async def optional(data: JSONBody[Echo | None] = None) -> str:
        return data.name if data else "nobody"

    assert (await ask(made(optional), "/a", method="POST")).body == b"nobody"
    assert (await ask(made(optional), "/a", method="POST", headers=JSON, body=b'{"name":"ann"}')).body == b"ann"


def test_what_needs_the_framework_goes_through_it() -> None:
    @get("/a", opt=PUBLIC)
    async def responds() -> Response[str]:
        return Response("a")

    @get("/a", opt=PUBLIC, media_type="text/html")
    async def page() -> str:
        return "a"

    @get("/a", opt=PUBLIC, guards=[lambda *_: None])
    async def guarded() -> str:
        return "a"

    @get("/a/{thing:str}", opt=PUBLIC)
    async def converts(thing: FromPath[UUID]) -> str:
        return str(thing)

    @get("/a", opt=PUBLIC, sync_to_thread=False)
    def synchronous() -> str:
        return "a"

    for handler in (responds, page, guarded, converts, synchronous):
        assert not takes_the_short_way([handler])
