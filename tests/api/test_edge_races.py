"""Two processes add edges at once: together they never close a cycle."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from eventstore.database.transaction import TenantTx
from projections.facts.dependency_check import EdgeSurroundings
from projections.inline import MODELS
from tests.api.logs import Service, service
from tests.api.work import Client, client
from tests.support.database import TestDatabase

ROUNDS = 15
MOST_RACES = 20
"""Of the control, which needs two that look before either has written: that is up to the machine."""
CYCLES = """
    SELECT count(*)
      FROM app.story_dependency AS d
      JOIN app.story_dependency AS o
        ON o.tenant_id = $1 AND o.dependent_id = d.prerequisite_id AND o.prerequisite_id = d.dependent_id
     WHERE d.tenant_id = $1
"""


class LookedBefore(EdgeSurroundings):
    """The control: what was looked at once is believed for ever, as by a check outside the transaction."""

    def __init__(self) -> None:
        self.seen: dict[Any, Any] = {}

    async def load(self, tx: TenantTx, keys: Sequence[Any]) -> Mapping[Any, Any]:
        for key, found in (await super().load(tx, keys)).items():
            self.seen.setdefault(key, found)
        return {key: self.seen[key] for key in keys}


@pytest.fixture
async def pair(log_of_module: TestDatabase) -> AsyncIterator[list[Client]]:
    """One tenant, asked through two processes' writers."""
    async with AsyncExitStack() as running:
        services = [await running.enter_async_context(service(log_of_module)) for _ in range(2)]
        yield await both(services)


async def both(services: Sequence[Service]) -> list[Client]:
    ann = await client(services[0])
    return [ann, Client(services[1], ann.tenant, ann.raw)]


async def race(pair: Sequence[Client]) -> list[tuple[int, str]]:
    """What the two were answered in each round, in no order; an empty code for an edge that was made."""
    epic = await pair[0].epic(await pair[0].project(f"races-{uuid4().hex[:8]}"))
    said = []
    for number in range(ROUNDS):
        one, two = [await pair[0].story(epic, f"{number}.{minor}") for minor in (1, 2)]
        bodies = [{"story_id": a, "depends_on_story_id": b} for a, b in ((one, two), (two, one))]
        answers = await asyncio.gather(
            *(each.post("/story_dependencies", body) for each, body in zip(pair, bodies, strict=True))
        )
        said += [(each.status, "" if each.status == 201 else each.error["code"]) for each in answers]
    return said


async def cycles(caller: Client) -> int:
    async with caller.service.store.database.tenant_transaction(caller.tenant) as tx:
        found: int = await tx.fetchval(CYCLES, caller.tenant)
    return found


async def test_of_two_edges_that_would_close_a_cycle_one_is_refused(pair: list[Client]) -> None:
    said = await race(pair)
    assert sorted(set(said)) == [(201, ""), (422, "cycle_detected")]
    assert (said.count((201, "")), await cycles(pair[0])) == (ROUNDS, 0)


async def test_a_check_before_the_transaction_lets_cycles_through(log_of_module: TestDatabase) -> None:
    """The control."""
    async with AsyncExitStack() as running:
        services = []
        for _ in range(2):
            parts: dict[str, Any] = {"models": {**MODELS, "surroundings": LookedBefore()}}
            services.append(await running.enter_async_context(service(log_of_module, parts=parts)))
        pair, races = await both(services), 0
        while not await cycles(pair[0]) and races < MOST_RACES:
            races += 1
            await race(pair)
        assert await cycles(pair[0]) > 0
