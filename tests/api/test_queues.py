"""The ready and the blocked queue over HTTP."""

from typing import Any
from uuid import UUID

import pytest

import projections.queries.blocking
from domain.lifecycle.events import StoryClaimed, StoryContracted
from tests.api.logs import Service
from tests.api.work import Client, client, nobody, verified


async def wait(caller: Client, kind: str, dependent: str, prerequisite: str) -> None:
    body = {f"{kind}_id": dependent, f"depends_on_{kind}_id": prerequisite}
    assert (await caller.post(f"/{kind}_dependencies", body)).status == 201


async def test_a_story_is_ready_when_all_that_it_waits_for_is_verified(ann: Client) -> None:
    project = await ann.project()
    one, two = await ann.epic(project, 1), await ann.epic(project, 2)
    first, second = await ann.story(one, "1.1"), await ann.story(one, "1.2")
    third = await ann.story(two, "2.1")
    await wait(ann, "story", second, first)
    await wait(ann, "epic", two, one)
    steps = [await queues(ann)]
    for story in (first, second, third):
        epic = two if story == third else one
        await ann.happens("story", story, verified(project, epic))
        steps.append(await queues(ann))
    assert steps == [
        (["1.1"], ["1.2", "2.1"]), (["1.2"], ["2.1"]), (["2.1"], []), ([], []),
    ]  # fmt: skip


async def queues(caller: Client, query: str = "") -> tuple[list[Any], list[Any]]:
    return await caller.numbers(f"/stories/ready{query}"), await caller.numbers(f"/stories/blocked{query}")


async def test_a_blocked_story_says_what_blocks_it_each_once_and_by_which_way(ann: Client) -> None:
    project = await ann.project()
    one, two = await ann.epic(project, 1), await ann.epic(project, 2)
    first, second = await ann.story(one, "1.2"), await ann.story(one, "1.10")
    done, waiting = await ann.story(one, "1.1"), await ann.story(two, "2.1")
    await ann.happens("story", done, verified(project, one))
    await wait(ann, "epic", two, one)
    await wait(ann, "story", waiting, second)
    (found,) = (await ann.get("/stories/blocked")).json()["data"]
    of = {"agent_status": "pending", "verified_status": "unverified"}
    assert found["story"]["id"] == waiting
    assert found["blocking_count"] == 2
    assert found["blocking_dependencies"] == [
        {"id": first, "number": "1.2", "title": "Story 1.2", **of, "via": "epic"},
        {"id": second, "number": "1.10", "title": "Story 1.10", **of, "via": "story"},
    ]


async def test_what_blocks_is_listed_up_to_a_limit_and_counted_beyond(
    ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections.queries.blocking, "MOST_SHOWN", 2)
    project = await ann.project()
    epics = [await ann.epic(project, number) for number in (1, 2, 3)]
    stories = [await ann.story(epics[number % 2], f"{number % 2 + 1}.{number}") for number in range(6)]
    waiting = await ann.story(epics[2], "3")
    for epic in epics[:2]:
        await wait(ann, "epic", epics[2], epic)
    await wait(ann, "story", waiting, stories[1])
    (found,) = (await ann.get("/stories/blocked")).json()["data"]
    assert ([each["number"] for each in found["blocking_dependencies"]], found["blocking_count"]) == (["1.0", "1.2"], 6)


async def test_work_in_progress_is_in_neither_queue_and_a_contracted_story_only_when_blocked(ann: Client) -> None:
    project = await ann.project()
    epic = await ann.epic(project)
    one, two, three = [await ann.story(epic, f"1.{number}") for number in (1, 2, 3)]
    place: Any = {"project_id": UUID(project), "epic_id": UUID(epic), "agent_id": UUID(int=1)}
    contract = StoryContracted(**place, agent_status_was="pending", contract_hash="0" * 64)
    claim = StoryClaimed(**place, agent_status_was="contracted", contracted_by_agent_id=None)
    await wait(ann, "story", two, one)
    await wait(ann, "story", three, one)
    await ann.happens("story", two, contract)
    await ann.happens("story", three, contract, claim)
    assert await queues(ann) == (["1.1"], ["1.2"])


async def test_archived_projects_are_left_out_unless_one_is_named(ann: Client) -> None:
    old, new = await ann.project("old"), await ann.project("new")
    epics = [await ann.epic(project) for project in (old, new)]
    for epic in epics:
        first, second = await ann.story(epic, "1.1"), await ann.story(epic, "1.2")
        await wait(ann, "story", second, first)
    assert await queues(ann) == (["1.1", "1.1"], ["1.2", "1.2"])
    await ann.delete(f"/projects/{old}")
    assert await queues(ann) == (["1.1"], ["1.2"])
    assert await queues(ann, f"?epic_id={epics[0]}") == ([], [])
    assert await queues(ann, f"?epic_id={epics[1]}") == (["1.1"], ["1.2"])
    for query in ("?project_id=old", f"?project_id={old}", f"?project_id={old}&epic_id={epics[0]}"):
        assert await queues(ann, query) == (["1.1"], ["1.2"])
    assert await queues(ann, f"?project_id={new}&epic_id={epics[0]}") == ([], [])


async def test_pages_are_in_the_order_of_numbers_and_know_the_whole(ann: Client) -> None:
    projects = [await ann.project(slug) for slug in ("one", "two")]
    epics = [await ann.epic(project) for project in projects]
    for number in ("1.10", "1.2", "3"):
        await ann.story(epics[number == "1.2"], number)
    assert await ann.numbers("/stories/ready") == ["1.2", "1.10", "3"]
    answer = (await ann.get("/stories/ready?limit=1")).json()
    assert ([each["number"] for each in answer["data"]], answer["meta"]["total_count"]) == (["1.2"], 3)
    for query, numbers, total in (
        ("page_size=2&page=2", ["3"], 3), ("offset=9", [], 3), ("project_id=one&limit=1&offset=1", ["3"], 2),
        (f"epic_id={epics[0]}&limit=1", ["1.10"], 2),
    ):  # fmt: skip
        answer = (await ann.get(f"/stories/ready?{query}")).json()
        assert ([each["number"] for each in answer["data"]], answer["meta"]["total_count"]) == (numbers, total)
    meta = (await ann.get("/stories/blocked?limit=9999")).json()["meta"]
    assert meta == {"page": 1, "page_size": 500, "total_count": 0, "total_pages": 0, "limit": 500, "offset": 0}


async def test_blocked_stories_are_in_the_order_of_numbers_wherever_they_are_looked_for(ann: Client) -> None:
    """Went red when they were in the order in which they were made."""
    project = await ann.project()
    epic = await ann.epic(project)
    before = await ann.story(epic, "9")
    for number in ("1.10", "1.2", "3"):
        await wait(ann, "story", await ann.story(epic, number), before)
    for query in ("?", f"?project_id={project}&", f"?epic_id={epic}&"):
        assert await ann.numbers(f"/stories/blocked{query}limit=9") == ["1.2", "1.10", "3"]
        assert await ann.numbers(f"/stories/blocked{query}limit=1&offset=1") == ["1.10"]


async def test_unknown_ids_and_another_tenant_s_work_are_not_found(ann: Client, bob: Client) -> None:
    """Red: empty, which reads as if all were done."""
    project = await ann.project()
    epic = await ann.epic(project)
    await ann.story(epic)
    assert await queues(bob, "") == ([], [])
    for caller, query in (
        (ann, f"project_id={nobody()}"), (ann, f"epic_id={nobody()}"), (ann, "project_id=no-such"), (ann, "epic_id=x"),
        (bob, f"project_id={project}"), (bob, f"epic_id={epic}"),
    ):  # fmt: skip
        for queue in ("ready", "blocked"):
            assert (await caller.get(f"/stories/{queue}?{query}")).status == 404


async def test_an_agent_may_look(served: Service) -> None:
    caller = await client(served, "agent")
    assert await queues(caller) == ([], [])
