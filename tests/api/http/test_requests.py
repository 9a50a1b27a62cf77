"""What every request goes through, whichever route it asks for."""

import gc
import re
from typing import Any
from uuid import UUID

import pytest
from litestar import get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from api.http.exchange import merged
from api.http.limits import Limits
from api.http.query import StrictQuery
from config.settings import Settings
from tests.api.asgi import FORM, JSON, Answer, Echo, ask, echo, made

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
GOOD = b'{"name": "ann", "count": 2}'

PUBLIC = {"access": "public"}


async def post_echo(body: Any, headers: Any = JSON, limits: Limits | None = None) -> Answer:
    return await ask(made(echo, limits=limits), "/echo", method="POST", headers=headers, body=body)


# Paths and methods


@pytest.mark.parametrize(("method", "target"), [("GET", "/nope"), ("DELETE", "/livez"), ("OPTIONS", "/livez")])
async def test_an_unknown_path_and_a_wrong_method_are_the_same_404(method: str, target: str) -> None:
    answer = await ask(made(), target, method=method)
    assert answer.status == 404
    assert answer.json() == {"error": {"status": 404, "code": "not_found", "message": "Not found"}}


@pytest.mark.parametrize("target", ["/api/v1", "/api/v1/", "//api/v1/", "/api//v1///"])
async def test_slashes_may_be_repeated_or_left_out_at_the_end(target: str) -> None:
    assert (await ask(made(), target)).json()["name"] == "loopctl"


@pytest.mark.parametrize("target", ["/livez", "/health", "/nope"])
async def test_head_answers_as_get_without_the_body(target: str) -> None:
    whole = await ask(made(), target)
    bare = await ask(made(), target, method="HEAD")
    assert bare.body == b""
    assert bare.status == whole.status
    assert bare.headers["content-length"] == str(len(whole.body))


@get("/things/{thing_id:uuid}", opt=PUBLIC)
async def show_thing(thing_id: FromPath[UUID]) -> dict[str, str]:
    return {"id": str(thing_id)}


@pytest.mark.parametrize(
    ("spelling", "status"),
    [
        ("019a0000-0000-7000-8000-0000000000aa", 200),
        ("019A0000-0000-7000-8000-0000000000AA", 200),
        ("019a000000007000800000000000 0aa", 404),
        ("019a0000000070008000000000000aa0", 404),
        ("{019a0000-0000-7000-8000-0000000000aa}", 404),
        ("urn:uuid:019a0000-0000-7000-8000-0000000000aa", 404),
        ("7", 404),
    ],
)
async def test_an_id_in_a_path_has_one_spelling_and_everything_else_is_not_found(spelling: str, status: int) -> None:
    answer = await ask(made(show_thing), f"/things/{spelling}")
    assert answer.status == status


@pytest.mark.parametrize("raw", [b"/%ff", b"/livez%00", b"/livez%0d%0aX:1"])
async def test_a_path_that_is_not_text_is_refused(raw: bytes) -> None:
    app: Any = made()

    async def with_raw_path(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "raw_path": raw}, receive, send)

    assert (await ask(with_raw_path, "/livez")).error["code"] == "bad_request"


# What the client accepts


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/*",
        "application/vnd.api+json",
        "application/problem+json",
        "text/html, application/xhtml+xml, */*;q=0.8",
        "text/plain, application/json;q=0.1",
    ],
)
async def test_json_is_served_to_whoever_accepts_it(accept: str) -> None:
    assert (await ask(made(), "/api/v1", headers={"Accept": accept})).status == 200


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "*/*;q=0.0", "json", "text/+xml"])
async def test_whoever_accepts_no_json_gets_406(accept: str) -> None:
    answer = await ask(made(), "/api/v1", headers={"Accept": accept})
    assert (answer.status, answer.error["code"]) == (406, "not_acceptable")


async def test_problem_json_carries_the_same_members() -> None:
    answer = await ask(made(), "/nope", headers={"Accept": "application/problem+json"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:loopctl:error:not_found",
        "title": "There is no such path or thing, or it is not yours to see",
        "status": 404,
        "code": "not_found",
        "detail": "Not found",
    }


@pytest.mark.parametrize("refusal", ["application/problem+json;q=0", "application/problem+json; q=0.000"])
async def test_problem_json_with_a_quality_of_zero_is_not_wanted(refusal: str) -> None:
    answer = await ask(made(), "/nope", headers={"Accept": f"application/json, {refusal}"})
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(("accept", "status"), [("text/html;q=0.1", 200), ("text/html;q=0", 302), ("*/*", 302)])
async def test_the_page_is_for_whoever_names_it_with_a_quality(accept: str, status: int) -> None:
    assert (await ask(made(), "/", headers={"Accept": accept})).status == status


# Headers that are given twice


def with_more_headers(app: Any, *more: tuple[bytes, bytes]) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "headers": [*scope["headers"], *more]}, receive, send)

    return wrapped


@pytest.mark.parametrize("order", [1, -1])
async def test_a_list_in_two_lines_is_one_list(order: int) -> None:
    lines = [(b"accept", b"application/problem+json"), (b"accept", b"text/html")][::order]
    app = with_more_headers(made(), *lines)
    assert (await ask(app, "/api/nope")).headers["content-type"] == "application/problem+json"
    assert (await ask(app, "/")).headers["content-type"].startswith("text/html")
    assert merged([(b"prefer", b"wait=5"), (b"prefer", b"receipt")]) == {b"prefer": b"wait=5, receipt"}


@pytest.mark.parametrize("name", ["Authorization", "Content-Length", "Idempotency-Key", "Transfer-Encoding"])
async def test_a_header_that_decides_who_asks_or_where_the_request_ends_stands_once(name: str) -> None:
    line = (name.lower().encode(), b"0")
    app = made(echo)
    twice = await ask(with_more_headers(app, line, line), "/livez")
    assert (twice.status, twice.error["message"]) == (400, f"Bad Request: the header {name.lower()} is given twice")
    assert twice.headers["connection"] == "close"
    assert (await ask(with_more_headers(app, line), "/livez")).status == 200


# Query


class Listed(StrictQuery, frozen=True, kw_only=True):
    limit: int | None = None


def listing() -> HTTPRouteHandler:
    @get("/list", opt=PUBLIC)
    async def list_things(wanted: NamedDependency[Listed]) -> dict[str, Any]:
        return {"limit": wanted.limit}

    return list_things


async def test_a_parameter_may_be_given_once() -> None:
    app = made(listing())
    assert (await ask(app, "/list?limit=1&tag=a")).json() == {"limit": 1}
    twice = await ask(app, "/list?limit=1&limit=2")
    assert twice.status == 400
    assert twice.error["message"] == "Bad Request: the query parameter 'limit' is given twice"
    hidden = await ask(app, "/list?limit=1&lim%69t=2")
    assert hidden.status == 400


@pytest.mark.parametrize("query", ["limit=%ff", "a=%00", "%00=1", "a=%c0%80", "&".join(f"p{n}=1" for n in range(101))])
async def test_a_query_that_is_not_text_or_too_long_is_refused(query: str) -> None:
    assert (await ask(made(listing()), f"/list?{query}")).error["code"] == "bad_request"


async def test_a_hundred_parameters_are_fine_and_unknown_ones_are_ignored() -> None:
    assert (await ask(made(listing()), "/list?" + "&".join(f"p{n}=1" for n in range(100)))).status == 200


async def test_a_query_parameter_of_the_wrong_type_is_named() -> None:
    answer = await ask(made(listing()), "/list?limit=many")
    assert answer.status == 422
    assert answer.error["details"] == {"limit": ["is invalid: must be a whole number"]}


# Body


async def test_a_body_is_decoded_into_the_type_of_the_route() -> None:
    answer = await post_echo(GOOD)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.json() == {"name": "ann", "count": 2, "tags": []}


async def test_a_body_may_come_in_pieces() -> None:
    assert (await post_echo([GOOD[:5], b"", GOOD[5:]])).status == 200


async def test_a_form_is_read_as_an_object_of_texts() -> None:
    answer = await post_echo(b"name=ann+b%26&count=7", FORM)
    assert answer.json() == {"name": "ann b&", "count": 7, "tags": []}


@pytest.mark.parametrize("form", [b"name=a&name=b", b"name=%ff", b"name=%00"])
async def test_a_form_is_held_to_the_rules_of_json(form: bytes) -> None:
    assert (await post_echo(form, FORM)).error["code"] == "bad_request"


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/vnd.x+json", 'application/json;charset="UTF-8"']
)
async def test_json_by_any_of_its_names_is_taken(kind: str) -> None:
    assert (await post_echo(GOOD, {"Content-Type": kind})).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {**JSON, "Content-Encoding": "gzip"},
        {**JSON, "Transfer-Encoding": "gzip, chunked"},
    ],
)
async def test_a_body_of_another_kind_or_a_compressed_one_is_415(headers: dict[str, str]) -> None:
    answer = await post_echo(GOOD, headers)
    assert (answer.status, answer.error["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("body", [b'{"name":"a","name":"b"}', b"{", b'{"name":"\xff"}', b"[" * 100_000])
async def test_bad_json_is_400_with_the_envelope(body: bytes) -> None:
    answer = await post_echo(body)
    assert (answer.status, answer.error["status"], answer.error["code"]) == (400, 400, "bad_request")
    assert answer.error["message"].startswith("Bad Request: ")


async def test_a_body_over_the_limit_is_413_whether_announced_or_not() -> None:
    limits = Limits(body_bytes=100)
    for body in (b'"' + b"a" * 99 + b'"', [b'"' + b"a" * 60, b"a" * 60 + b'"']):
        answer = await post_echo(body, limits=limits)
        assert answer.status == 413
        assert answer.error["message"] == "Request Entity Too Large"
    assert (await post_echo(b'{"name":"' + b"a" * 89 + b'"}', limits=limits)).status == 200


async def test_a_route_can_take_longer_bodies_than_the_others() -> None:
    @post("/import", opt={"access": "public", "body_bytes": 5000}, status_code=200)
    async def take(data: JSONBody[Echo]) -> int:
        return len(data.name)

    app = made(take, echo, limits=Limits(body_bytes=100))
    body = b'{"name":"' + b"a" * 3000 + b'"}'
    assert (await ask(app, "/import", method="POST", headers=JSON, body=body)).json() == 3000
    assert (await ask(app, "/echo", method="POST", headers=JSON, body=body)).status == 413


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b"{}", {"name": ["can't be blank"]}),
        (b"", {"name": ["can't be blank"]}),
        (b'{"name": 5}', {"name": ["is invalid: must be a text"]}),
        (b'{"name": "a", "count": "2"}', {"count": ["is invalid: must be a whole number"]}),
        (b'{"name": "a", "tags": ["b", 3]}', {"tags[1]": ["is invalid: must be a text"]}),
        (b"[]", {"body": ["must be a map"]}),
        (b"null", {"body": ["must be a map"]}),
    ],
)
async def test_a_body_that_does_not_fit_names_the_field(body: bytes, details: dict[str, list[str]]) -> None:
    answer = await post_echo(body)
    assert (answer.status, answer.error["message"]) == (422, "Validation failed")
    assert answer.error["details"] == details


async def test_a_body_that_nobody_reads_is_held_to_the_limits_and_not_looked_at() -> None:
    app = made(listing(), limits=Limits(body_bytes=100))
    for target in ("/livez", "/", "/list"):  # the short way, a handler of the framework, and one without the request
        for headers in (JSON, FORM, {"Content-Type": "image/png"}):
            assert (await ask(app, target, headers=headers, body=b"{&a=%ff&a=")).status in (200, 302)
        assert (await ask(app, target, headers=JSON, body=b"a" * 101)).status == 413
        assert (await ask(app, target, headers=JSON, body=[b"a" * 60, b"a" * 60])).status == 413


async def test_a_form_has_bounds_of_its_own() -> None:
    longest = b"name=" + b"a" * (64 * 1024 - 5)
    assert (await post_echo(longest, FORM)).status == 200
    for too_long in (longest + b"a", [longest, b"a"]):
        answer = await post_echo(too_long, FORM)
        assert (answer.status, answer.error["code"]) == (413, "payload_too_large")
    assert (await post_echo(b'{"name":"%b"}' % longest)).status == 200
    fields = b"&".join(b"f%d=" % number for number in range(999))
    assert (await post_echo(b"name=a&" + fields, FORM)).status == 200
    answer = await post_echo(b"name=a&f=&" + fields, FORM)
    assert (answer.status, answer.error["message"]) == (400, "Bad Request: more than 1000 fields")


async def test_a_long_body_is_held_to_the_rules_too() -> None:
    long_name = b"a" * 70_000
    assert (await post_echo(b'{"name":"%b"}' % long_name)).status == 200
    assert (await post_echo(b'{"name":"%b","name":""}' % long_name)).error["code"] == "bad_request"
    assert gc.isenabled()  # it is off meanwhile, also when the check refuses


async def test_an_empty_form_in_chunks_reads_as_an_empty_object() -> None:
    assert (await post_echo([b""], FORM)).error["details"] == {"name": ["can't be blank"]}


async def test_a_client_that_leaves_in_the_middle_of_its_body_gets_nothing_and_breaks_nothing() -> None:
    app = made(echo)
    sent: list[Any] = []

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def leaving(scope: Any, _: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            sent.append(message)

        await app(scope, gone, note)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    await ask(leaving, "/echo", method="POST", headers=JSON, body=GOOD)
    assert sent == []
    metrics = await ask(app, "/metrics")
    assert 'route="/echo",status="499"' in metrics.body.decode()


# Ids, headers


async def test_a_request_id_is_made_or_taken_over() -> None:
    app = made()
    assert UUID7.fullmatch((await ask(app, "/livez")).headers["x-request-id"])
    for sane in ("trace-0123.A_b", "a" * 64):
        assert (await ask(app, "/livez", headers={"X-Request-Id": sane})).headers["x-request-id"] == sane
    for odd in ("short", "a" * 65, "has blank 1234", "semi;colon1234", "\xe9" * 10):
        assert UUID7.fullmatch((await ask(app, "/livez", headers={"X-Request-Id": odd})).headers["x-request-id"])


@pytest.mark.parametrize("target", ["/livez", "/health", "/nope"])
async def test_every_api_answer_forbids_to_be_sniffed_or_framed(target: str) -> None:
    headers = (await ask(made(), target)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "strict-transport-security" not in headers


async def test_behind_https_browsers_are_told_to_stay_there() -> None:
    app = made(settings=Settings(public_url="https://loop.example"))
    headers = (await ask(app, "/livez")).headers
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
