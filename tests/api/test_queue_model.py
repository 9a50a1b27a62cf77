"""After any edits the queues and the progress are what a look at everything says, and the log makes them again."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from domain.dependency import EpicDependencyDeleted
from domain.event import Recorded
from domain.events import EVENTS
from eventstore.database.transaction import TenantTx
from eventstore.log.codec import Codec
from projections.inline import PROJECTIONS
from projections.rebuild import rebuild
from tests.api.brute_force import Model, ModelStory
from tests.api.logs import service
from tests.api.story_steps import STEPS, allowed, happened
from tests.api.work import client
from tests.support.database import TestDatabase, session

INDEX = st.integers(0, 30)
KINDS = st.sampled_from(["story", "epic"])


class AnyEdits(RuleBasedStateMachine):
    database: ClassVar[TestDatabase]
    parts: ClassVar[dict[str, Any]] = {}
    steps: ClassVar[set[str]] = set()
    """What has come up over all examples."""
    every: ClassVar[int] = 3
    """Steps between two looks at everything: what a step has broken is still broken then."""
    turn = 0

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.open = AsyncExitStack()
        self.model = Model()
        self.number = 0
        self.run(self.start())

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def start(self) -> None:
        served = await self.open.enter_async_context(service(self.database, parts=self.parts))
        self.ann = await client(served)
        self.projects = [await self.ann.project(slug) for slug in ("one", "two")]
        for number in (0, 0, 0, 1):
            await self.new_epic(number)
        for at in range(6):
            await self.new_story(at, 0, 0.5)

    async def new_epic(self, project: int) -> None:
        self.number += 1
        chosen = self.projects[project]
        self.model.epics[await self.ann.epic(chosen, self.number)] = chosen

    @rule(project=st.integers(0, 1))
    def add_epic(self, project: int) -> None:
        self.run(self.new_epic(project))

    @rule(at=INDEX, minor=st.integers(0, 3), hours=st.sampled_from([0, 0.5, 8]))
    def add_story(self, at: int, minor: int, hours: float) -> None:
        self.run(self.new_story(at, minor, hours))

    async def new_story(self, at: int, minor: int, hours: float) -> None:
        self.number += 1
        epic, number = chosen(self.model.epics, at), f"{100 - self.number}.{minor}"
        if epic:
            story = await self.ann.story(epic, number, estimated_hours=hours)
            self.model.stories[story] = ModelStory(epic, number, hours)

    @rule(at=INDEX)
    def drop_story(self, at: int) -> None:
        if story := chosen(self.model.stories, at):
            assert self.run(self.ann.delete(f"/stories/{story}")).status == 204
            self.model.drop_story(story)

    @rule(at=INDEX)
    def drop_epic(self, at: int) -> None:
        if len(self.model.epics) > 3 and (epic := chosen(self.model.epics, at)):
            assert self.run(self.ann.delete(f"/epics/{epic}")).status == 204
            self.model.drop_epic(epic)

    @rule(kind=KINDS, ends=st.lists(st.tuples(INDEX, INDEX), min_size=2, max_size=6))
    def add_edges(self, kind: str, ends: list[tuple[int, int]]) -> None:
        those: dict[str, Any] = self.model.stories if kind == "story" else self.model.epics
        for one, other in ends:
            dependent, prerequisite = chosen(those, one), chosen(those, other)
            if dependent and prerequisite:
                self.add_edge(kind, dependent, prerequisite)

    def add_edge(self, kind: str, dependent: str, prerequisite: str) -> None:
        body = {f"{kind}_id": dependent, f"depends_on_{kind}_id": prerequisite}
        answer = self.run(self.ann.post(f"/{kind}_dependencies", body))
        refusal = self.model.refusal(kind, dependent, prerequisite)
        assert (answer.error["code"] if answer.status != 201 else None) == refusal
        self.steps.add(refusal or f"{kind} edge")
        if refusal is None:
            made = answer.json()[f"{kind}_dependency"]["id"]
            self.model.edges[kind][made] = (dependent, prerequisite)

    @rule(kind=KINDS, at=INDEX)
    def drop_edge(self, kind: str, at: int) -> None:
        if edge := chosen(self.model.edges[kind], at):
            assert self.run(self.ann.delete(f"/{kind}_dependencies/{edge}")).status == 204
            del self.model.edges[kind][edge]

    @rule(at=INDEX, steps=st.lists(st.sampled_from([0, 0, 0, 0, 1, 2]), min_size=1, max_size=7))
    def move_story(self, at: int, steps: list[int]) -> None:
        story = chosen(self.model.stories, at)
        for number in steps if story else ():
            state = self.model.stories[story or ""]
            step = chosen([name for name in STEPS if allowed(state, name)], number) or ""
            project = self.model.epics[state.epic]
            self.run(self.ann.happens("story", story or "", *happened(project, state, step)))
            self.steps.add(step)

    @rule(at=st.integers(0, 1))
    def archive_or_bring_back(self, at: int) -> None:
        project = self.projects[at]
        status = "active" if project in self.model.archived else "archived"
        assert self.run(self.ann.patch(f"/projects/{project}", {"status": status})).status == 200
        self.model.archived ^= {project}

    @invariant()
    def everything_agrees(self) -> None:
        self.turn += 1
        if hasattr(self, "ann") and self.turn % self.every == 0:
            self.run(self.compare())

    async def compare(self) -> None:
        ann, model = self.ann, self.model
        active = set(self.projects) - model.archived
        for query, projects in (("", active), *((f"&project_id={each}", {each}) for each in self.projects)):
            ready = (await ann.get(f"/stories/ready?limit=500{query}")).json()["data"]
            assert [each["id"] for each in ready] == model.ready(projects)
            blocked = (await ann.get(f"/stories/blocked?limit=500{query}")).json()["data"]
            assert [each["story"]["id"] for each in blocked] == model.blocked(projects)
            for each in blocked:
                found = {line["id"]: line["via"] for line in each["blocking_dependencies"]}
                assert (found, each["blocking_count"]) == (model.blockers(each["story"]["id"]), len(found))
        for project in self.projects:
            epics = [epic for epic, owner in model.epics.items() if owner == project]
            assert (await ann.get(f"/projects/{project}/progress")).json()["progress"] == model.progress(epics)
        for epic in model.epics:
            found = (await ann.get(f"/epics/{epic}/progress")).json()["progress"]
            assert found.items() <= model.progress([epic]).items()

    def teardown(self) -> None:
        try:
            if hasattr(self, "ann"):
                self.run(self.compare())
                assert self.run(self.rebuilt()) == []
        finally:
            if hasattr(self, "runner"):
                self.run(self.open.aclose())
                self.runner.close()

    async def rebuilt(self) -> list[str]:
        """Tables that the log would make otherwise."""
        async with session(self.database.migrator_url) as connection, connection.transaction():
            await connection.execute("SET LOCAL ROLE loopctl_owner")
            await connection.execute("SELECT set_config('app.tenant', $1, true)", str(self.ann.tenant))
            tx = TenantTx(connection, self.ann.tenant)  # type: ignore[arg-type]  # a plain connection does as well
            found = [each for one in PROJECTIONS for each in await rebuild(tx, Codec(EVENTS), one)]
        return [each.table for each in found if not each.was_equal]


def chosen(those: Any, at: int) -> str | None:
    """Some of them, the same for the same number."""
    return list(those)[at % len(those)] if those else None


def edits(database: TestDatabase, **parts: Any) -> type[AnyEdits]:
    return type("Edits", (AnyEdits,), {"database": database, "parts": parts, "steps": set()})


def check(machine: type[AnyEdits], examples: int) -> None:
    given = settings(
        max_examples=examples, stateful_step_count=30, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck), print_blob=False, phases=[Phase.generate], report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=given)


@pytest.mark.slow
def test_after_any_edits_the_queues_agree_with_a_look_at_everything(log_of_module: TestDatabase) -> None:
    machine = edits(log_of_module)
    check(machine, 16)
    assert machine.steps >= {*STEPS, "story edge", "epic edge", "cycle_detected", "cross_level_deadlock"}


@pytest.mark.slow
def test_a_read_model_that_misses_one_kind_of_event_is_found(log_of_module: TestDatabase) -> None:
    """The control."""

    def deaf(apply: Any) -> Any:
        async def without_lost_dependencies(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
            await apply(tx, [each for each in recorded if not isinstance(each.event, EpicDependencyDeleted)])

        return without_lost_dependencies

    with pytest.raises(AssertionError):
        check(edits(log_of_module, projections=[deaf(each.apply) for each in PROJECTIONS]), 15)
