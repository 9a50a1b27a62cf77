"""64 reports of stories at once, through two writers on one database, against a budget that blocks and has room for
ten: ten are accepted. `make soak ARGS="budget_races 1000"` is so many rounds.

In the control what was spent is not looked at again after the first report of a batch: more than ten get through.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID, uuid4

import msgspec
import uvloop
from msgspec import Struct

from bench.servers import bench_server
from domain.epic import EpicCreated
from domain.event import Event, JsonText, Recorded, Stream
from domain.lifecycle.events import StoryClaimed, StoryContracted, StoryStarted
from domain.story import StoryCreated
from domain.usage.figures import Scope
from projections.facts.usage import Spending
from projections.inline import MODELS
from tests.api.logs import NOON, service
from tests.api.team import Team, team
from tests.api.work import Client
from tests.support.events import new_project, put

AT_ONCE, ROOM, TOKENS = 64, 10, 100
USAGE = {"model_name": "claude-sonnet-4-5", "input_tokens": 60, "output_tokens": TOKENS - 60}
WORKER = UUID(int=11)


class Squeezed(Exception):
    """More, or fewer, got through than there was room for."""


class Server(Protocol):
    @property
    def app_url(self) -> str: ...


class Unlooked(Spending):
    """Does not move with the reports of a batch."""

    volatile = True

    def touched(self, _: Recorded) -> Sequence[Scope]:
        return ()


class Outcome(Struct):
    rounds: int
    answers: Counter[int]
    seconds: float


async def race(server: Server, rounds: int, *, read_then_write: bool = False) -> Outcome:
    """Raises Squeezed."""
    parts = {"models": {**MODELS, Spending.name: Unlooked()}} if read_then_write else {}
    async with service(server, parts=parts) as one, service(server, parts=parts) as two:
        people = await team(one)
        others = [people.other, msgspec.structs.replace(people.other, service=two)]
        outcome, began = Outcome(rounds, Counter(), time.monotonic()), time.monotonic()
        for _ in range(rounds):
            statuses = await _round(people, others)
            if statuses != Counter({200: ROOM, 429: AT_ONCE - ROOM}):
                raise Squeezed(f"answers: {dict(statuses)}")
            outcome.answers.update(statuses)
        outcome.seconds = time.monotonic() - began
        return outcome


async def _round(people: Team, others: Sequence[Client]) -> Counter[int]:
    stories = await _implementing(people.user)
    project = str(stories[0][1])
    limit = {"scope_type": "project", "scope_id": project, "budget_tokens": ROOM * TOKENS, "enforcement": "block"}
    made = await people.user.post("/token-budgets", limit)
    assert made.status == 201, made.body
    answers = await asyncio.gather(
        *(
            others[number % len(others)].post(f"/stories/{story}/report", {"token_usage": USAGE})
            for number, (story, _) in enumerate(stories)
        )
    )
    await _check_spent(people.user, str(made.json()["token_budget"]["id"]))
    return Counter(answer.status for answer in answers)


async def _check_spent(user: Client, budget: str) -> None:
    """What the blocked ones have used is recorded as well."""
    found = (await user.get(f"/token-budgets/{budget}")).json()["token_budget"]
    if found["current_spend_tokens"] != AT_ONCE * TOKENS:
        raise Squeezed(f"{found['current_spend_tokens']} tokens are recorded")


async def _implementing(user: Client) -> list[tuple[UUID, UUID]]:
    """Stories that somebody else works on, and their project."""
    project, created = new_project()
    epic, stories = Stream("epic", uuid4()), [Stream("story", uuid4()) for _ in range(AT_ONCE)]
    events: list[tuple[Stream, Event]] = [
        (project, created), (epic, EpicCreated(
            project_id=project.id, number=1, title="E", metadata=JsonText("{}"),
        )),
    ]  # fmt: skip
    for number, story in enumerate(stories):
        events += [(story, event) for event in _worked(project.id, epic.id, f"1.{number}")]
    await put(user.service.store, user.tenant, *events, at=NOON)
    return [(story.id, project.id) for story in stories]


def _worked(project: UUID, epic: UUID, number: str) -> Sequence[Event]:
    place: dict[str, Any] = {"project_id": project, "epic_id": epic}
    return (
        StoryCreated(
            **place, number=number, title="t", acceptance_criteria=JsonText("[]"), metadata=JsonText("{}"),
        ),
        StoryContracted(**place, agent_status_was="pending", agent_id=WORKER, contract_hash="c"),
        StoryClaimed(**place, agent_status_was="contracted", agent_id=WORKER, contracted_by_agent_id=WORKER),
        StoryStarted(**place, agent_status_was="assigned", agent_id=WORKER),
    )  # fmt: skip


async def _main(rounds: int) -> None:
    async with bench_server() as server:
        outcome = await race(server, rounds)
        print(f"{outcome.rounds} rounds in {outcome.seconds:.0f} s: {dict(outcome.answers)}")
        try:
            await race(server, 3, read_then_write=True)
        except Squeezed as found:
            print(f"control, read then write: {found}")
        else:
            raise SystemExit("the control got no more through than there was room for")


def main(arguments: list[str]) -> None:
    uvloop.run(_main(int(arguments[0]) if arguments else 1000))


if __name__ == "__main__":
    main(sys.argv[1:])
