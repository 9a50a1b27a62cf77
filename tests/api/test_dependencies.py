"""Dependencies over HTTP: what may wait for what, what is refused in which order, and the graph of it."""

from typing import Any

import pytest
from msgspec import Struct

from tests.api.logs import Service
from tests.api.work import Client, client, nobody, verified


class Laid(Struct, frozen=True):
    """Two epics with two stories each."""

    project: str
    epics: list[str]
    stories: list[str]
    """1.1, 1.2, 2.1, 2.2."""


@pytest.fixture
async def laid(ann: Client) -> Laid:
    project = await ann.project()
    epics = [await ann.epic(project, number) for number in (1, 2)]
    stories = [await ann.story(epics[epic], f"{epic + 1}.{story}") for epic in (0, 1) for story in (1, 2)]
    return Laid(project, epics, stories)


async def edge(caller: Client, kind: str, dependent: Any, prerequisite: Any) -> Any:
    body = {f"{kind}_id": dependent, f"depends_on_{kind}_id": prerequisite}
    return await caller.post(f"/{kind}_dependencies", body)


@pytest.mark.parametrize("kind", ["story", "epic"])
async def test_a_dependency_is_answered_listed_and_deleted(ann: Client, laid: Laid, kind: str) -> None:
    one, two = (laid.stories if kind == "story" else laid.epics)[:2]
    answer = await edge(ann, kind, two, one)
    made = answer.json()[f"{kind}_dependency"]
    assert answer.status == 201
    assert {**made, "id": None} == {
        "id": None, "tenant_id": str(ann.tenant), f"{kind}_id": two, f"depends_on_{kind}_id": one,
        "inserted_at": "2026-03-27T12:00:00.000000Z",
    }  # fmt: skip
    path = (
        f"/epics/{laid.epics[0]}/story_dependencies"
        if kind == "story"
        else f"/projects/{laid.project}/epic_dependencies"
    )
    assert (await ann.get(path)).json()["data"] == [made]
    gone = [await ann.delete(f"/{kind}_dependencies/{made['id']}") for _ in range(2)]
    assert ([each.status for each in gone], (await ann.get(path)).json()["data"]) == ([204, 404], [])
    tags = [tag for tag, _ in await ann.recorded()][-2:]
    assert tags == [f"{kind}_dependency.created", f"{kind}_dependency.deleted"]


@pytest.mark.parametrize("kind", ["story", "epic"])
async def test_each_refusal_has_its_code_and_they_come_in_their_order(ann: Client, laid: Laid, kind: str) -> None:
    ids = laid.stories if kind == "story" else laid.epics
    other = await ann.epic(await ann.project("other"))
    foreign = await ann.story(other, "9") if kind == "story" else other
    await edge(ann, kind, ids[1], ids[0])
    unknown = nobody()
    for dependent, prerequisite, status, code in (
        (unknown, unknown, 422, "self_dependency"),
        (ids[0], unknown, 404, "not_found"),
        (unknown, ids[0], 404, "not_found"),
        (ids[0], "x", 404, "not_found"),
        (None, ids[0], 422, "validation_failed"),
        (ids[0], "", 422, "validation_failed"),
        (ids[0], foreign, 422, "cross_project_dependency"),
        (ids[0], ids[1], 422, "cycle_detected"),
        (ids[1], ids[0], 409, "dependency_exists"),
    ):
        answer = await edge(ann, kind, dependent, prerequisite)
        assert (answer.status, answer.error["code"]) == (status, code)
    assert (await edge(ann, kind, None, ids[0])).error["details"] == {f"{kind}_id": ["can't be blank"]}


async def test_a_long_way_round_is_a_cycle_too(ann: Client, laid: Laid) -> None:
    a, b, c, d = laid.stories
    for dependent, prerequisite in ((b, a), (c, b), (d, c)):
        assert (await edge(ann, "story", dependent, prerequisite)).status == 201
    answer = await edge(ann, "story", a, d)
    assert (answer.error["code"], "Cycle detected" in answer.error["message"]) == ("cycle_detected", True)


async def test_stories_and_epics_that_wait_for_each_other_are_a_deadlock(ann: Client, laid: Laid) -> None:
    one, _, two, _ = laid.stories
    third = await ann.epic(laid.project, 3)
    await edge(ann, "epic", third, laid.epics[0])
    await edge(ann, "epic", laid.epics[1], third)
    answer = await edge(ann, "story", one, two)
    assert (answer.status, answer.error["code"]) == (422, "cross_level_deadlock")
    assert "Cross-level deadlock" in answer.error["message"]
    assert (await edge(ann, "story", two, one)).status == 201


async def test_an_epic_cannot_wait_for_one_whose_stories_wait_for_its_own(ann: Client, laid: Laid) -> None:
    await edge(ann, "story", laid.stories[0], laid.stories[2])
    answer = await edge(ann, "epic", laid.epics[1], laid.epics[0])
    assert (answer.status, answer.error["code"]) == (422, "cross_level_deadlock")


async def test_a_list_of_an_epic_has_edges_with_either_end_in_it_once(ann: Client, laid: Laid) -> None:
    a, b, c, d = laid.stories
    for dependent, prerequisite in ((b, a), (c, a), (d, c)):
        await edge(ann, "story", dependent, prerequisite)
    for epic, ends in ((laid.epics[0], [(b, a), (c, a)]), (laid.epics[1], [(c, a), (d, c)])):
        found = (await ann.get(f"/epics/{epic}/story_dependencies")).json()["data"]
        assert [(each["story_id"], each["depends_on_story_id"]) for each in found] == ends


async def test_the_graph_has_epics_stories_and_sorted_edges(ann: Client, laid: Laid) -> None:
    a, b, c, _ = laid.stories
    for dependent, prerequisite in ((c, a), (b, a)):
        await edge(ann, "story", dependent, prerequisite)
    await edge(ann, "epic", laid.epics[1], laid.epics[0])
    graph = (await ann.get("/projects/my-app/dependency_graph")).json()["graph"]
    assert graph["story_dependencies"] == [{"from": one, "to": a} for one in sorted((b, c))]
    assert graph["epic_dependencies"] == [{"from": laid.epics[1], "to": laid.epics[0]}]
    assert [[each["number"], each["phase"], each["position"]] for each in graph["epics"]] == [
        [1, None, 0],
        [2, None, 0],
    ]
    assert graph["epics"][1]["stories"][0] == {
        "id": c, "number": "2.1", "title": "Story 2.1", "agent_status": "pending", "verified_status": "unverified",
        "sort_key": 20010,
    }  # fmt: skip


async def test_an_edge_to_a_story_that_is_verified_already_is_allowed(ann: Client, laid: Laid) -> None:
    await ann.happens("story", laid.stories[0], verified(laid.project, laid.epics[0]))
    assert (await edge(ann, "story", laid.stories[0], laid.stories[1])).status == 201
    assert "1.1" not in await ann.numbers("/stories/blocked")


async def test_what_is_unknown_or_of_another_tenant_is_not_found(ann: Client, bob: Client, laid: Laid) -> None:
    made = (await edge(ann, "story", laid.stories[1], laid.stories[0])).json()["story_dependency"]["id"]
    of_epics = (await edge(ann, "epic", laid.epics[1], laid.epics[0])).json()["epic_dependency"]["id"]
    his = await bob.story(await bob.epic(await bob.project()))
    for caller, project, epic, edges in (
        (bob, laid.project, laid.epics[0], (made, of_epics)), (ann, nobody(), nobody(), (nobody(), nobody())),
        (ann, "no-such", "x", ("y", "z")), (ann, "no-such", "x", (of_epics, made)),
    ):  # fmt: skip
        asked = [
            await caller.get(f"/projects/{project}/epic_dependencies"),
            await caller.get(f"/projects/{project}/dependency_graph"),
            await caller.get(f"/epics/{epic}/story_dependencies"),
            await caller.delete(f"/story_dependencies/{edges[0]}"),
            await caller.delete(f"/epic_dependencies/{edges[1]}"),
        ]
        assert {(answer.status, answer.error["code"]) for answer in asked} == {(404, "not_found")}
    mixed = [await edge(bob, "story", his, laid.stories[0]), await edge(bob, "story", laid.stories[0], his)]
    mixed.append(await edge(bob, "epic", laid.epics[0], laid.epics[1]))
    assert [answer.status for answer in mixed] == [404] * 3


@pytest.mark.parametrize(("role", "statuses"), [("agent", [403, 403, 404]), ("orchestrator", [404, 403, 404])])
async def test_agents_read_orchestrators_write_and_users_delete(
    served: Service, role: str, statuses: list[int]
) -> None:
    caller = await client(served, role)
    for kind in ("story", "epic"):
        asked = [
            await edge(caller, kind, nobody(), nobody()),
            await caller.delete(f"/{kind}_dependencies/{nobody()}"),
            await caller.get(f"/epics/{nobody()}/story_dependencies"),
        ]
        assert [answer.status for answer in asked] == statuses
