"""How handlers are called: what each parameter is made from, and what is refused when the application is made."""

from typing import Annotated, Any
from uuid import UUID

import pytest
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from api.http.endpoints import SentHeaders, Undeclared
from api.http.query import StrictQuery
from api.services import Provided
from tests.api.asgi import FORM, JSON, Echo, ask, made

PUBLIC = {"access": "public"}


@post("/echo/{number:int}", opt=PUBLIC, status_code=202)
async def echo(number: FromPath[int], data: JSONBody[Echo]) -> list[Any]:
    return [number, data]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (JSON, b'{"name":"a","count":1,"tags":["x"]}', 202),
        (JSON, b'{"name":"a","extra":1}', 202),
        (JSON, b'{"count":1}', 422),
        (JSON, b'{"name":"a","count":"1"}', 422),
        (JSON, b'{"name":"a","count":1.0}', 422),
        (JSON, b'{"name":null}', 422),
        (JSON, b"[1]", 422),
        (JSON, b"null", 422),
        (JSON, b"", 422),
        (JSON, b"{", 400),
        (FORM, b"name=a&count=3", 202),
        (FORM, b"count=3", 422),
        ({"Content-Type": "text/plain"}, b"{}", 415),
    ],
)
async def test_a_body_is_decoded_into_the_declared_type(headers: dict[str, str], body: bytes, status: int) -> None:
    answer = await ask(made(echo), "/echo/7", method="POST", headers=headers, body=body)
    assert answer.status == status, answer.body
    if status == 202:
        assert answer.json()[:1] == [7]
        assert answer.json()[1]["name"] == "a"


@pytest.mark.parametrize("path", ["/echo/x", "/echo/+7", "/echo/0_7", "/echo"])
async def test_a_path_parameter_in_a_wrong_form_is_an_unknown_path(path: str) -> None:
    answer = await ask(made(echo), path, method="POST", headers=JSON, body=b'{"name":"a"}')
    assert answer.status == 404


async def test_a_body_with_a_default_may_be_left_out() -> None:
    @post("/a", opt=PUBLIC, status_code=200)
    async def optional(data: JSONBody[Echo | None] = None) -> list[str]:
        return [data.name if data else "nobody"]

    assert (await ask(made(optional), "/a", method="POST")).json() == ["nobody"]
    assert (await ask(made(optional), "/a", method="POST", headers=JSON, body=b'{"name":"ann"}')).json() == ["ann"]


class Strict(StrictQuery, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=10)] = 5


@get("/strict", opt=PUBLIC)
async def strict(wanted: NamedDependency[Strict]) -> list[Any]:
    return [wanted.limit]


async def test_a_strict_query_has_its_defaults() -> None:
    assert (await ask(made(strict), "/strict")).json() == [5]
    assert (await ask(made(strict), "/strict?limit=7&unknown=1")).json() == [7]


@pytest.mark.parametrize(
    ("given", "reason"), [("11", "less than or equal to 10"), ("a", "is invalid"), ("", "invalid")]
)
async def test_what_a_strict_query_does_not_take_is_refused_by_name(given: str, reason: str) -> None:
    answer = await ask(made(strict), f"/strict?limit={given}")
    assert answer.status == 422
    assert reason in answer.error["details"]["limit"][0]


async def test_headers_and_services_are_given() -> None:
    @get("/a", opt=PUBLIC)
    async def given(sent_headers: SentHeaders, services: Provided) -> list[str]:
        return [sent_headers[b"x-this"].decode(), services.version]

    assert (await ask(made(given), "/a", headers={"X-This": "that"})).json() == ["that", "1.2.3"]


async def test_an_answer_may_be_of_another_type_than_json() -> None:
    @get("/a", opt={"access": "public", "any_accept": True}, media_type="text/html")
    async def page() -> bytes:
        return b"<p>"

    answer = await ask(made(page), "/a")
    assert (answer.body, answer.headers["content-type"]) == (b"<p>", "text/html; charset=utf-8")


@get("/a", opt=PUBLIC, guards=[lambda *_: None])
async def guarded() -> str:
    return "a"


@get("/a", opt=PUBLIC, cache=True)
async def cached() -> Response[bytes]:
    return Response(b"a")


@get("/a", opt=PUBLIC, sync_to_thread=False)
def synchronous() -> str:
    return "a"


@get("/a/{thing:str}", opt=PUBLIC)
async def converts(thing: FromPath[UUID]) -> str:
    return str(thing)


@get("/a", opt=PUBLIC)
async def takes_the_request_itself(request: Request[Any, Any, Any]) -> str:
    return str(request.url)


@pytest.mark.parametrize("handler", [guarded, cached, synchronous, converts, takes_the_request_itself], ids=str)
def test_what_only_the_framework_could_do_stops_the_start(handler: HTTPRouteHandler) -> None:
    with pytest.raises(Undeclared):
        made(handler)
