"""Whoever brings a good key reads on every answer how much is left, whatever the answer is, and each counted once."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from litestar import Response, get
from litestar.response import Stream

from api.http.limits import Limits
from api.http.refusal import Refused
from tests.api.asgi import JSON, Answer, ask
from tests.api.limiters import limiter
from tests.api.logs import call, service, tenant_with_key
from tests.support.database import TestDatabase

NAMES = {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}
ANY = {"access": "any"}


@get("/streams", opt=ANY, summary="Two pieces")
async def streams() -> Stream:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    return Stream(pieces())


@get("/as-you-know-it", status_code=304, opt=ANY, summary="Nothing new")
async def as_you_know_it() -> Response[None]:
    return Response(None, status_code=304)


@get("/not-built", opt=ANY, summary="Not there yet")
async def fails() -> None:
    raise RuntimeError


@get("/full", opt=ANY, summary="Too much to do")
async def full() -> None:
    raise Refused("overloaded")


ROUTES = (streams, as_you_know_it, fails, full)
LARGE = b'{"name": "' + b"x" * 4000 + b'"}'

ANSWERS: list[tuple[int, str, str, dict[str, str], bytes | None]] = [
    (200, "GET", "/api/v1/tenants/me", {}, None),
    (200, "HEAD", "/api/v1/tenants/me", {}, None),
    (200, "GET", "/streams", {}, None),
    (304, "GET", "/as-you-know-it", {}, None),
    (400, "GET", "/api/v1/tenants/me?x=%ff", {}, None),
    (400, "GET", "/api/v1/tenants/me", {"Content-Length": "1, 1"}, None),
    (400, "PATCH", "/api/v1/tenants/me", JSON, b"{"),
    (400, "PATCH", "/api/v1/tenants/me", {**JSON, "Idempotency-Key": ""}, b"{}"),
    (403, "POST", "/api/v1/agents/register", JSON, b"{}"),
    (404, "GET", "/api/v1/nope", {}, None),
    (404, "DELETE", "/api/v1/tenants/me", {}, None),
    (404, "GET", "/api/v1/stories/7", {}, None),
    (404, "GET", f"/api/v1/stories/{uuid4()}", {}, None),
    (404, "GET", f"/api/v1/stories/{uuid4()}/", {}, None),
    (406, "GET", "/api/v1/tenants/me", {"Accept": "image/png"}, None),
    (413, "PATCH", "/api/v1/tenants/me", JSON, LARGE),
    (415, "PATCH", "/api/v1/tenants/me", {"Content-Type": "text/plain"}, b"{}"),
    (422, "PATCH", "/api/v1/tenants/me", JSON, b'{"name": ""}'),
    (500, "GET", "/not-built", {}, None),
    (503, "GET", "/full", {}, None),
]


def named(answer: Answer) -> set[str]:
    return {name for name in answer.headers if name.startswith("x-ratelimit")}


async def test_every_answer_to_a_good_key_says_how_much_is_left(database: TestDatabase, redis_url: str) -> None:
    """Red where a request is refused before its key is looked at."""
    async with (
        limiter(redis_url) as shared,
        service(database, routes=ROUTES, check_rate=shared.check, limits=Limits(body_bytes=3000)) as running,
    ):
        _, raw = await tenant_with_key(running.store)
        for number, (status, method, target, headers, body) in enumerate(ANSWERS, 1):
            sent = {"Authorization": f"Bearer {raw}", **headers}
            answer = await ask(running.app, target, method=method, headers=sent, body=body)
            assert (answer.status, named(answer)) == (status, NAMES), (method, target)
            assert answer.headers["x-ratelimit-remaining"] == str(300 - number), (method, target)


@pytest.mark.parametrize("key", ["", "Bearer lc_wrong", "Basic bGM6"])
async def test_without_a_good_key_nothing_is_said(database: TestDatabase, redis_url: str, key: str) -> None:
    """The negative control: what is said is about the key."""
    async with limiter(redis_url) as shared, service(database, routes=ROUTES, check_rate=shared.check) as running:
        for status, method, target, headers, body in ANSWERS:
            answer = await ask(running.app, target, method=method, headers={"Authorization": key, **headers}, body=body)
            assert named(answer) == set()
            assert answer.status in (status, 401)


async def test_what_is_public_does_not_look_at_keys(database: TestDatabase, redis_url: str) -> None:
    async with limiter(redis_url) as shared, service(database, check_rate=shared.check) as running:
        _, raw = await tenant_with_key(running.store)
        for target in ("/livez", "/health", "/livez?x=%ff", "/api/v1/"):
            answer = await ask(running.app, target, headers={"Authorization": f"Bearer {raw}"})
            assert named(answer) == set()


async def test_who_asks_too_often_for_what_is_not_there_is_refused_too(database: TestDatabase, redis_url: str) -> None:
    async with limiter(redis_url) as shared, service(database, check_rate=shared.check) as running:
        _, raw = await tenant_with_key(running.store)
        sent = {"Authorization": f"Bearer {raw}"}
        await call(running.app, raw, "/api/v1/tenants/me", "PATCH", {"settings": {"rate_limit_requests_per_minute": 4}})
        found: list[Any] = [(await ask(running.app, "/api/v1/nope", headers=sent)) for _ in range(4)]
    assert [answer.status for answer in found] == [404, 404, 404, 429]
    assert found[-1].headers["retry-after"] == "60"
