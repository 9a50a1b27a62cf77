"""What coding agents measure of themselves, taken in over OTLP and kept apart from what they report (docs/costs.md)."""

import gzip
import random
import struct
from typing import Any

import msgspec
import pytest

from api.otlp.protobuf import metrics_as_json, partial_success, traces_as_json
from eventstore.database.transaction import TenantTx
from projections.inline import PROJECTIONS
from projections.rebuild import rebuild
from tests.api.asgi import Answer, ask
from tests.api.exports import (
    CUMULATIVE,
    METRICS,
    TRACES,
    export,
    metered,
    of_story,
    point,
    sent,
    span,
    spans,
)
from tests.api.logs import Service
from tests.api.team import Work, work
from tests.api.work import Client
from tests.eventstore.writing import CODEC
from tests.support.database import TestDatabase, session


@pytest.fixture
async def loop(served: Service) -> Work:
    return await work(served, "1.1", "1.2")


async def test_what_is_measured_stands_beside_what_is_reported_and_is_in_no_sum_of_it(loop: Work) -> None:
    said = {"model_name": "claude-sonnet-4-5", "input_tokens": 5, "output_tokens": 0, "cost_millicents": 7}
    reported = {**said, "story_id": loop.stories["1.1"]}
    assert (await loop.team.implementer.post("/token-usage", reported)).status == 201
    kinds = {"input": 1_000, "output": 200, "cacheRead": 5_000, "cacheCreation": 300}
    points = [point(amount, type=kind, model="claude-sonnet-4-5") for kind, amount in kinds.items()]
    assert await sent(loop.team.implementer, METRICS, export(*points, **of_story(loop))) == {}
    found = await metered(loop)
    names = ("input", "output", "cache_read", "cache_write")
    assert [found[f"total_{name}_tokens"] for name in names] == [1_000, 200, 5_000, 300]

    assert (found["source"], found["total_cost_millicents"]) == ("metered", 863)
    project = (await loop.team.orchestrator.get(f"/analytics/projects/{loop.project}")).json()["data"]
    assert (project["total_tokens"], project["source"]) == (5, "self_reported")
    assert project["metered"] == {"metrics": found, "spans": None, "logs": None}
    (agent,) = (await loop.team.orchestrator.get("/analytics/agents")).json()["data"]
    assert (agent["total_tokens"], agent["metered_tokens"]) == (5, {"metrics": 6_500, "spans": None, "logs": None})


async def test_a_measured_cost_wins_over_the_price(loop: Work) -> None:
    tokens = point(1_000, type="input", model="claude-sonnet-4-5")
    body = export(tokens, **of_story(loop))
    dollars = export(point(0.0125, model="claude-sonnet-4-5"), name="claude_code.cost.usage")
    body["resourceMetrics"][0]["scopeMetrics"] += dollars["resourceMetrics"][0]["scopeMetrics"]
    await sent(loop.team.implementer, METRICS, body)
    assert (await metered(loop))["total_cost_millicents"] == 1_250


async def test_the_same_bytes_again_count_once(loop: Work) -> None:
    """An exporter that has heard no answer sends them again."""
    body = export(point(10, type="input"), **of_story(loop))
    for _ in range(3):
        assert await sent(loop.team.implementer, METRICS, body) == {}
    assert (await metered(loop))["total_tokens"] == 10
    await sent(loop.team.implementer, METRICS, export(point(10, at=3, type="input"), **of_story(loop)))
    assert (await metered(loop))["total_tokens"] == 20


async def test_of_a_running_total_only_what_is_new_counts(loop: Work) -> None:
    """Told twice, told late, told lower than before, and begun anew by another process."""
    steps = ((10, 2, 1), (25, 3, 1), (25, 3, 1), (20, 2, 1), (40, 4, 1), (5, 5, 1), (7, 9, 8))
    shown = []
    for amount, at, start in steps:
        body = export(point(amount, at, start, type="input"), kind=CUMULATIVE, **of_story(loop))
        await sent(loop.team.implementer, METRICS, body)
        shown.append((await metered(loop))["total_tokens"])
    assert shown == [10, 25, 25, 25, 40, 45, 52]


async def test_running_totals_of_two_agents_are_two(loop: Work) -> None:
    for who in (loop.team.implementer, loop.team.other):
        await sent(who, METRICS, export(point(10, type="input"), kind=CUMULATIVE, **of_story(loop)))
    assert (await metered(loop))["total_tokens"] == 20


async def test_of_spans_those_with_a_call_in_them_count_and_tokens_of_the_cache_once(loop: Work) -> None:
    call = span(
        request__model="claude-sonnet-4-5", usage__input_tokens=1_000, usage__output_tokens=50,
        usage__cache_read__input_tokens=600,
    )  # fmt: skip
    around = span(operation__name="invoke_agent", usage__input_tokens=1_000, usage__output_tokens=50)
    await sent(loop.team.implementer, TRACES, spans(call, around, **of_story(loop)))
    found = await metered(loop, signal="spans")
    names = ("input", "cache_read", "output")
    assert [found[f"total_{name}_tokens"] for name in names] == [400, 600, 50]
    assert await metered(loop) is None


async def test_what_cannot_be_taken_is_counted_and_the_rest_is_taken(loop: Work) -> None:
    good = point(10, type="input")
    for wrong in (point(-1, type="input"), point(0.5, type="input"), point(10**13, type="output")):
        said = await sent(loop.team.implementer, METRICS, export(good, wrong, **of_story(loop)))
        assert said["partialSuccess"]["rejectedDataPoints"] == "1"
        assert "whole number" in said["partialSuccess"]["errorMessage"]
    assert (await metered(loop))["total_tokens"] == 30


@pytest.mark.parametrize("story", ["0193a2b4-0000-7000-8000-00000000000f", "none"])
async def test_a_story_that_is_not_there_takes_nothing_and_neither_does_one_of_others(loop: Work, story: str) -> None:
    said = await sent(loop.team.implementer, METRICS, export(point(1, type="input"), loopctl__story_id=story))
    assert said["partialSuccess"]["rejectedDataPoints"] == "1"
    elsewhere = await work(loop.team.user.service, "1.1")
    body = export(point(1, type="input"), **of_story(elsewhere))
    assert (await sent(loop.team.implementer, METRICS, body))["partialSuccess"]["rejectedDataPoints"] == "1"
    assert await metered(elsewhere) is None


async def test_work_for_no_story_is_the_agents(loop: Work) -> None:
    await sent(loop.team.implementer, METRICS, export(point(10, type="input")))
    (shown,) = (await loop.team.orchestrator.get("/analytics/agents")).json()["data"]
    assert (shown["agent_name"], shown["total_tokens"], shown["efficiency_rank"]) == ("implementer", 0, None)
    assert shown["metered_tokens"] == {"metrics": 10, "spans": None, "logs": None}
    entries = (await loop.team.user.get("/changes?after=-1&entity_type=metered_usage")).json()["data"]
    assert [(each["new_state"]["story_id"], each["new_state"]["input_tokens"]) for each in entries] == [(None, 10)]
    assert entries[0]["new_state"]["agent_id"] == loop.team.agents["implementer"]


async def test_metrics_of_other_things_are_taken_for_what_they_are(loop: Work) -> None:
    assert await sent(loop.team.implementer, METRICS, export(point(1), name="http.server.duration")) == {}
    assert await sent(loop.team.implementer, METRICS, {}) == {}


@pytest.mark.parametrize("seed", [1, 2])
async def test_sums_are_what_was_measured_live_and_rebuilt(loop: Work, log_of_module: TestDatabase, seed: int) -> None:
    """Random exports of two running totals and of amounts, some twice, some late, beside sums made by hand."""
    chance, expected = random.Random(seed), 0
    totals, newest = {"input": 0, "output": 0}, {"input": 0, "output": 0}
    sent_before: list[Any] = []
    for at in range(1, 25):
        kind, amount = chance.choice(("input", "output")), chance.randrange(1, 1_000)
        if sent_before and chance.random() < 0.2:
            await sent(loop.team.implementer, METRICS, chance.choice(sent_before))
            continue
        if chance.random() < 0.5:
            body = export(point(amount, at, type=kind), **of_story(loop))
            expected += amount
        else:
            totals[kind] += amount
            expected += totals[kind] - newest[kind]
            newest[kind] = totals[kind]
            body = export(point(totals[kind], at, type=kind), kind=CUMULATIVE, **of_story(loop))
        sent_before.append(body)
        await sent(loop.team.implementer, METRICS, body)
    assert (await metered(loop))["total_tokens"] == expected
    tenant = loop.team.user.tenant
    async with session(log_of_module.migrator_url) as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE loopctl_owner")
        await connection.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
        tx = TenantTx(connection, tenant)  # type: ignore[arg-type]  # a plain connection does as well
        (projection,) = [each for each in PROJECTIONS if each.name == "metered_usage"]
        tables = await rebuild(tx, CODEC, projection)
    assert [(each.table, each.unexplained, each.missing) for each in tables] == [
        ("app.metered_usage", 0, 0), ("app.metered_mark", 0, 0), ("app.metered_spend", 0, 0),
    ]  # fmt: skip


# In protobuf. The bytes of a real exporter are in tests/loopctl/cli/test_otlp.py.


def field(number: int, value: bytes | int | float) -> bytes:
    if isinstance(value, int):
        return bytes([number << 3, value])
    if isinstance(value, float):
        return bytes([number << 3 | 1]) + struct.pack("<d", value)
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def fixed(number: int, value: int) -> bytes:
    return bytes([number << 3 | 1]) + value.to_bytes(8, "little")


def attribute(key: str, value: str) -> bytes:
    return field(1, key.encode()) + field(2, field(1, value.encode()))


PACKED_POINT = fixed(2, 1) + fixed(3, 2) + fixed(6, 10) + field(7, attribute("type", "input"))
PACKED = field(
    1, field(2, field(2, field(1, b"claude_code.token.usage") + field(7, field(1, PACKED_POINT) + field(2, 1))))
)


async def raw(who: Client, path: str, body: bytes, kind: str = "application/x-protobuf", **headers: str) -> Answer:
    given = {"Authorization": f"Bearer {who.raw}", "Content-Type": kind, **headers}
    return await ask(who.service.app, f"/api/v1{path}", method="POST", headers=given, body=body)


def test_protobuf_becomes_the_same_json() -> None:
    read = msgspec.json.decode(metrics_as_json(PACKED))
    (metric,) = read["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    assert metric == {
        "name": "claude_code.token.usage",
        "sum": {
            "aggregationTemporality": "1",
            "dataPoints": [
                {
                    "startTimeUnixNano": "1", "timeUnixNano": "2", "asInt": "10",
                    "attributes": [{"key": "type", "value": {"stringValue": "input"}}],
                }
            ],
        },
    }  # fmt: skip


async def test_protobuf_is_answered_with_protobuf(loop: Work) -> None:
    answer = await raw(loop.team.implementer, METRICS, PACKED)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", "application/x-protobuf")
    packed = await raw(loop.team.implementer, METRICS, gzip.compress(PACKED), **{"Content-Encoding": "gzip"})
    assert packed.status == 200
    entries = (await loop.team.user.get("/changes?after=-1&entity_type=metered_usage")).json()["data"]
    assert len(entries) == 1, "it is the same export"


def test_a_partial_success_is_a_message_of_two_fields() -> None:
    assert partial_success(0, "") == b""
    assert partial_success(3, "no") == b"\x0a\x06\x08\x03\x12\x02no"


BOMB = gzip.compress(bytes(5_000_000))
WRONG = {
    "an end within a field": (PACKED[:-3], {}, 400),
    "a field without a number": (b"\x00\x00", {}, 400),
    "a group": (b"\x0b", {}, 400),
    "a length beyond the end": (b"\x0a\x7f", {}, 400),
    "a number without an end": (b"\x08" + b"\xff" * 11, {}, 400),
    "another type at a field": (b"\x08\x01", {}, 400),
    "no UTF-8": (field(1, field(2, field(2, field(1, b"\xff")))), {}, 400),
    "no gzip": (PACKED, {"Content-Encoding": "gzip"}, 400),
    "gzip that ends early": (gzip.compress(PACKED)[:-9], {"Content-Encoding": "gzip"}, 400),
    "gzip that becomes large": (BOMB, {"Content-Encoding": "gzip"}, 413),
    "another encoding": (PACKED, {"Content-Encoding": "br"}, 415),
}


@pytest.mark.parametrize("what", WRONG)
async def test_bytes_that_are_no_export_are_refused(loop: Work, what: str) -> None:
    body, headers, status = WRONG[what]
    assert (await raw(loop.team.implementer, METRICS, body, **headers)).status == status


def test_no_traces_are_no_spans() -> None:
    assert traces_as_json(b"") == b"{}"


async def test_other_routes_take_no_protobuf(loop: Work) -> None:
    answer = await raw(loop.team.implementer, "/token-usage", PACKED)
    assert answer.status == 415
    packed = gzip.compress(b"{}")
    assert (await raw(loop.team.implementer, "/token-usage", packed, "application/json", **{
        "Content-Encoding": "gzip"
    })).status == 415  # fmt: skip
