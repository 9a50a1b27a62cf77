"""Nothing is served that does not say who may call it."""

from typing import Any

import pytest
from litestar import Router, get
from litestar import route as any_route
from litestar.handlers import HTTPRouteHandler

from api.http.policy import UndeclaredRoute
from tests.api.asgi import ask, made


def route(**opt: Any) -> HTTPRouteHandler:
    @get("/thing", opt=opt)
    async def thing() -> str:
        return "seen"

    return thing


def test_a_route_without_an_access_rule_is_not_built() -> None:
    with pytest.raises(UndeclaredRoute, match="GET /thing does not declare who may call it"):
        made(route())


@pytest.mark.parametrize("access", ["", "everybody", "agent", "user+,agent+", "=superuser", None, True])
def test_an_access_rule_in_unknown_words_is_not_built(access: Any) -> None:
    with pytest.raises(UndeclaredRoute):
        made(route(access=access))


def test_an_option_that_nothing_reads_is_not_built() -> None:
    with pytest.raises(UndeclaredRoute, match="body_size"):
        made(route(access="public", body_size=1))


@pytest.mark.parametrize("access", ["any", "agent+", "orchestrator+", "user+", "=orchestrator", "=agent,orchestrator"])
async def test_a_route_that_needs_a_role_is_closed_to_whoever_has_no_key(access: str) -> None:
    answer = await ask(made(route(access=access)), "/thing")
    assert (answer.status, answer.error["code"], answer.error["message"]) == (401, "unauthorized", "Unauthorized")


async def test_a_public_route_is_open() -> None:
    assert (await ask(made(route(access="public")), "/thing")).status == 200


async def test_a_router_may_declare_the_rule_for_its_routes() -> None:
    @get("/inner")
    async def inner() -> str:
        return "seen"

    app = made(Router("/outer", route_handlers=[inner], opt={"access": "public"}))  # type: ignore[arg-type]  # as Litestar takes it
    assert (await ask(app, "/outer/inner")).status == 200


async def test_options_is_an_unknown_path_unless_a_route_declares_it() -> None:
    @any_route("/open", http_method="OPTIONS", opt={"access": "public"}, status_code=200)
    async def show_options() -> str:
        return "GET"

    app = made(route(access="public"), show_options)
    assert (await ask(app, "/thing", method="OPTIONS")).status == 404
    assert (await ask(app, "/open", method="OPTIONS")).status == 200
