"""A short slice of the campaign of bench/malformed.py, and that it can go red in each of its ways."""

import asyncio
import random
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from litestar import get

from api.http.body import read
from api.http.limits import LARGE_BODY_BYTES, Limits
from bench import growing, malformed_headers
from bench.custody_http_controls import heads_unheard
from bench.echo_app import nobody_is_named
from bench.malformed import Report, campaign, crowd, judge, keyed_campaign, schemathesis, serving
from bench.malformed_keyed import serving as keyed_service
from config.settings import Settings
from tests.api.asgi import echo, made
from tests.api.served import served
from tests.support.database import TestDatabase

ENVELOPE = b'{"error":{"status":400,"code":"bad_request","message":"Bad Request"}}'


def answered(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %b X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


async def test_two_thousand_malformed_requests_break_nothing() -> None:
    app = made(echo, reading_names=nobody_is_named, settings=Settings(signups_per_hour=0))
    async with served(app, Limits()) as running:
        report = await campaign(f"http://127.0.0.1:{running.port}", 2000, seed=7)
    assert (report.sent, dict(report.failures), report.examples) == (2000, {}, [])
    assert {200, 400, 404, 415} <= report.statuses.keys()


async def test_five_hundred_malformed_requests_with_real_keys_break_nothing(
    database: TestDatabase, tmp_path: Path
) -> None:
    with keyed_service(database, tmp_path / "errors") as running:
        report = await keyed_campaign(running, 500, seed=7, concurrency=2)
    assert (report.sent, dict(report.failures), report.examples) == (500, {}, [])
    assert {200, 201, 400, 404, 409, 422} <= report.statuses.keys(), "most of them come in"


async def test_headers_of_custody_in_hostile_forms_are_refused_with_a_sentence_by_every_route(
    database: TestDatabase,
) -> None:
    report = await malformed_headers.campaign(database, every=37)
    assert (report.failures, report.sent > 200) == ([], True)


async def test_without_a_look_at_heads_hostile_ones_are_let_in(database: TestDatabase) -> None:
    """The control."""
    with heads_unheard():
        report = await malformed_headers.campaign(database, every=97)
    assert {each.partition(": ")[0] for each in report.failures} == {"let in"}


async def test_the_same_campaign_goes_red_on_an_application_without_our_guards() -> None:
    with serving("litestar") as (address, _):
        report = await campaign(address, 600, seed=7)
    assert not report.green
    assert report.failures["5xx"] > 0
    assert report.failures["shape"] > 0


async def test_a_server_that_does_not_answer_is_a_hang() -> None:
    kept: list[asyncio.StreamWriter] = []

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept.append(writer)
        if b"/api/v1/routes" in await reader.readline():
            writer.write(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
            writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with server:
        report = await campaign(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", 3, seed=7)
        for writer in kept:
            writer.transport.abort()
    assert report.failures == {"hang": 3}


async def test_long_forms_that_nobody_reads_do_not_keep_others_waiting() -> None:
    """As those of an application do that decodes each form in its loop."""

    async def decoding(_: Any, receive: Any, send: Any) -> None:
        parse_qsl(await read(receive, 2_000_000))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with served(decoding, Limits()) as running:
        control = await crowd(f"http://127.0.0.1:{running.port}")
    with serving("shell") as (address, _):
        assert await crowd(address) < control / 2


async def test_nasty_shapes_of_any_size_are_answered_and_livez_beside_them() -> None:
    with serving("shell") as (address, _):
        port = int(address.rpartition(":")[2])
        report = await growing.campaign(port, seed=7, random_shapes=20, factor=16)
    assert (report.slow, report.server_errors) == ([], [])
    assert report.asked > 200


@pytest.mark.slow
async def test_nasty_shapes_of_any_size_with_a_real_key_are_answered_and_livez_beside_them(
    database: TestDatabase, tmp_path: Path
) -> None:
    with keyed_service(database, tmp_path / "errors") as running:
        doors = growing.import_doors(running)
        report = await growing.campaign(running.port, seed=7, doors=doors, random_shapes=5, factor=128)
    assert [door.most for door in doors] == [LARGE_BODY_BYTES]
    assert (report.slow, report.server_errors) == ([], [])


async def test_a_pattern_that_begins_again_at_each_quote_is_noticed_at_a_size_that_does_not_show_in_small() -> None:
    string = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')

    async def quadratic(_: Any, receive: Any, send: Any) -> None:
        string.sub(b"", await read(receive, 2_000_000))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    report = growing.Report(0)
    wanted = {"an unfinished string of escaped quotes", "a string of megabytes"}
    async with served(quadratic, Limits()) as running:
        for shape in growing.shapes(random.Random(0), [growing.Door()], 0):
            if shape.name.rpartition(", ")[2] in wanted:
                await growing.grow(running.port, shape, report, slowest_seconds=1.0)
    assert [slow.shape.rpartition(", ")[2] for slow in report.slow] == ["an unfinished string of escaped quotes"]
    assert report.slow[0].size > 2048


@pytest.mark.parametrize(
    ("request_bytes", "answer", "failure"),
    [
        (b"GET", answered(b"400", ENVELOPE), None),
        (b"GET", answered(b"200", b"anything"), None),
        (b"GET", answered(b"200", b"first") + answered(b"400", ENVELOPE), None),
        (b"HEAD", b"HTTP/1.1 404 X\r\nContent-Length: 80\r\n\r\n", None),
        (b"GET", b"", None),
        (b"GET", answered(b"404", ENVELOPE), "shape"),
        (b"GET", answered(b"400", b"Bad Request"), "shape"),
        (b"GET", answered(b"400", b'{"error":{"status":400}}'), "shape"),
        (b"GET", answered(b"400", b'{"detail":"x","status_code":400}'), "shape"),
        (b"GET", answered(b"200", b"first") + b"noise\r\n\r\n", "shape"),
        (b"POST", answered(b"422", b'{"success":false,"results":[]}'), None),
        (b"GET", answered(b"503", ENVELOPE.replace(b"400", b"503")), "5xx"),
    ],
)
def test_an_answer_is_judged(request_bytes: bytes, answer: bytes, failure: str | None) -> None:
    report = Report(0)
    judge(request_bytes, answer, report)
    assert set(report.failures) == ({failure} if failure else set())


async def test_schemathesis_finds_nothing_wrong_here_and_a_handler_with_a_bug() -> None:
    async with served(made(echo), Limits()) as running:
        code, output = await asyncio.to_thread(schemathesis, f"http://127.0.0.1:{running.port}", 2, 7, phases="fuzzing")
    assert code == 0, output

    @get("/buggy", opt={"access": "public"}, summary="Breaks")
    async def buggy() -> str:
        raise RuntimeError

    async with served(made(buggy), Limits()) as running:
        code, output = await asyncio.to_thread(schemathesis, f"http://127.0.0.1:{running.port}", 5, 7, "/buggy")
    assert code != 0
    assert "/buggy" in output
