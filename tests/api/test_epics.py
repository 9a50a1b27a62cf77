"""Epics over HTTP: what they answer, refuse and record."""

from typing import Any

import pytest

from tests.api.logs import Service
from tests.api.work import Client, client, made_by_others, nobody, verified

TIME = "2026-03-27T12:00:00.000000Z"


async def test_a_created_epic_is_answered_with_every_member(ann: Client) -> None:
    project = await ann.project()
    answer = await ann.post(
        f"/projects/{project}/epics",
        {"number": 3, "title": " Accounts ", "phase": "p0", "position": 2, "metadata": {"a": 0.5}, "unknown": 1},
    )
    epic = answer.json()["epic"]
    assert (answer.status, len(epic.pop("id"))) == (201, 36)
    assert epic == {
        "tenant_id": str(ann.tenant), "project_id": project, "number": 3, "title": "Accounts", "description": None,
        "phase": "p0", "position": 2, "metadata": {"a": 0.5}, "inserted_at": TIME, "updated_at": TIME,
    }  # fmt: skip


async def test_the_project_may_be_named_by_its_slug_and_the_number_in_digits(ann: Client) -> None:
    await ann.project("shop")
    answer = await ann.post("/projects/shop/epics", {"number": "12", "title": "x"})
    assert (answer.status, answer.json()["epic"]["number"]) == (201, 12)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({}, {"number": ["can't be blank"], "title": ["can't be blank"]}),
        ({"number": "", "title": "x"}, {"number": ["can't be blank"]}),
        ({"number": 0, "title": "x"}, {"number": ["must be greater than 0"]}),
        ({"number": 2**31, "title": "x"}, {"number": ["must be less than or equal to 2147483647"]}),
        ({"number": "1a", "title": "x"}, {"number": ["is invalid: must be written with digits only"]}),
        ({"number": 1.5, "title": "x"}, {"number": ["is invalid: must be a whole number or a text"]}),
        ({"number": 1, "title": "x" * 501}, {"title": ["should be at most 500 character(s)"]}),
        (
            {"number": 1, "title": "x", "description": "x" * 50_001},
            {"description": ["should be at most 50000 character(s)"]},
        ),
        ({"number": 1, "title": "x", "phase": "x" * 256}, {"phase": ["should be at most 255 character(s)"]}),
        ({"number": 1, "title": "x", "position": -1}, {"position": ["must be greater than or equal to 0"]}),
        ({"number": 1, "title": "x", "metadata": []}, {"metadata": ["must be a map"]}),
    ],
)
async def test_wrong_fields_are_named(ann: Client, body: Any, details: Any) -> None:
    project = await ann.project()
    answer = await ann.post(f"/projects/{project}/epics", body)
    assert (answer.status, answer.error["code"], answer.error["details"]) == (422, "validation_failed", details)


async def test_a_number_is_taken_once_in_a_project_and_free_in_another_and_after_a_deletion(ann: Client) -> None:
    project, other = await ann.project(), await ann.project("other")
    epic = await ann.epic(project, 1)
    await ann.epic(other, 1)
    again = await ann.post(f"/projects/{project}/epics", {"number": 1, "title": "x"})
    said = "epic 1 already exists in the project; import with merge=true updates it"
    assert (again.status, again.error["details"]) == (422, {"number": [said]})
    await ann.delete(f"/epics/{epic}")
    assert await ann.epic(project, 1) != epic


async def test_a_list_is_by_position_and_number_with_counts(ann: Client) -> None:
    project = await ann.project()
    late = await ann.epic(project, 1, position=1)
    for number in (3, 2):
        await ann.epic(project, number, phase="p1")
    stories = [await ann.story(late, f"1.{number}") for number in range(1, 4)]
    await ann.happens("story", stories[0], verified(project, late))
    answer = (await ann.get(f"/projects/{project}/epics")).json()
    found = [(each["number"], each["story_count"], each["completion_percentage"]) for each in answer["data"]]
    assert found == [(2, 0, 0.0), (3, 0, 0.0), (1, 3, 33.3)]
    assert answer["meta"] == {"page": 1, "page_size": 20, "total_count": 3, "total_pages": 1, "limit": 20, "offset": 0}
    assert await ann.numbers(f"/projects/{project}/epics?phase=p1") == [2, 3]
    assert await ann.numbers(f"/projects/{project}/epics?page_size=1&page=3") == [1]
    assert (await ann.get(f"/projects/{project}/epics?page=9")).json()["meta"]["total_count"] == 3


async def test_an_epic_is_shown_with_its_stories_in_the_order_of_their_numbers(ann: Client) -> None:
    epic = await ann.epic(await ann.project())
    ids = {number: await ann.story(epic, number) for number in ("1.10", "1.2", "1.1000", "1")}
    stories = (await ann.get(f"/epics/{epic}")).json()["epic"]["stories"]
    assert [each["number"] for each in stories] == ["1", "1.2", "1.10", "1.1000"]
    assert stories[0] == {
        "id": ids["1"], "number": "1", "title": "Story 1", "agent_status": "pending", "verified_status": "unverified",
    }  # fmt: skip


async def test_a_change_keeps_what_is_not_said_and_clears_an_empty_text(ann: Client) -> None:
    epic = await ann.epic(await ann.project(), description="long", phase="p0")
    said = {"description": "", "phase": None, "title": "New", "number": 9, "position": 4}
    answer = await ann.patch(f"/epics/{epic}", said)
    changed = answer.json()["epic"]
    assert answer.status == 200
    assert [changed[name] for name in ("title", "description", "phase", "number", "position")] == [
        "New", None, "p0", 1, 4,
    ]  # fmt: skip
    refused = await ann.patch(f"/epics/{epic}", {"title": " "})
    assert (refused.status, refused.error["details"]) == (422, {"title": ["can't be blank"]})


async def test_a_deletion_takes_stories_and_dependencies_along_with_an_event_each(ann: Client) -> None:
    project = await ann.project()
    epic, other = await ann.epic(project, 1), await ann.epic(project, 2)
    inside, outside = await ann.story(epic, "1.1"), await ann.story(other, "2.1")
    await ann.post("/story_dependencies", {"story_id": outside, "depends_on_story_id": inside})
    await ann.post("/epic_dependencies", {"epic_id": other, "depends_on_epic_id": epic})
    assert await ann.numbers("/stories/ready") == ["1.1"]
    answer = await ann.delete(f"/epics/{epic}")
    assert (answer.status, answer.body) == (204, b"")
    tags = [tag for tag, _ in await ann.recorded()][-4:]
    assert tags == ["story_dependency.deleted", "epic_dependency.deleted", "story.deleted", "epic.deleted"]
    assert [(await ann.get(path)).status for path in (f"/epics/{epic}", f"/stories/{inside}")] == [404, 404]
    assert await ann.numbers("/stories/ready") == ["2.1"]


async def test_progress_counts_every_status_and_hours(ann: Client) -> None:
    project = await ann.project()
    epic, empty = await ann.epic(project, 1), await ann.epic(project, 2)
    done = await ann.story(epic, "1.1", estimated_hours=2.5)
    await ann.story(epic, "1.2", estimated_hours="1.25")
    await ann.happens("story", done, verified(project, epic))
    agents = {"pending": 1, "contracted": 0, "assigned": 0, "implementing": 0, "reported_done": 1}
    verdicts = {"unverified": 1, "verified": 1, "rejected": 0}
    of_epic = {
        "total_stories": 2, "stories_by_agent_status": agents, "stories_by_verified_status": verdicts,
        "verification_percentage": 50.0,
    }  # fmt: skip
    assert (await ann.get(f"/epics/{epic}/progress")).json() == {"progress": of_epic}
    assert (await ann.get(f"/projects/{project}/progress")).json() == {
        "progress": {
            **of_epic, "total_epics": 2, "epics_completed": 0,
            "estimated_hours_total": 3.75, "estimated_hours_completed": 2.5,
        }
    }  # fmt: skip
    assert (await ann.get(f"/epics/{empty}/progress")).json()["progress"]["verification_percentage"] == 0.0


async def test_an_archived_project_still_answers_its_progress(ann: Client) -> None:
    project = await ann.project()
    await ann.delete(f"/projects/{project}")
    assert (await ann.get(f"/projects/{project}/progress")).status == 200


async def test_what_is_unknown_or_of_another_tenant_is_not_found(ann: Client, bob: Client) -> None:
    project = await ann.project()
    epic = await ann.epic(project)
    for caller, a_project, an_epic in ((ann, nobody(), nobody()), (bob, project, epic), (ann, "no-such", "x")):
        asked = [
            await caller.get(f"/projects/{a_project}/epics"),
            await caller.get(f"/projects/{a_project}/progress"),
            await caller.post(f"/projects/{a_project}/epics", {"number": 5, "title": "x"}),
            await caller.get(f"/epics/{an_epic}"),
            await caller.get(f"/epics/{an_epic}/progress"),
            await caller.patch(f"/epics/{an_epic}", {"title": "y"}),
            await caller.delete(f"/epics/{an_epic}"),
        ]
        assert {(answer.status, answer.error["code"]) for answer in asked} == {(404, "not_found")}
    assert (await ann.get(f"/epics/{epic}")).json()["epic"]["title"] == "Epic 1"


@pytest.mark.parametrize(("role", "statuses"), [("agent", [200, 403, 403]), ("orchestrator", [200, 201, 403])])
async def test_agents_read_orchestrators_write_and_users_delete(
    served: Service, role: str, statuses: list[int]
) -> None:
    caller = await client(served, role)
    project = await made_by_others(caller)
    asked = [
        await caller.get(f"/projects/{project}/epics"),
        await caller.post(f"/projects/{project}/epics", {"number": 1, "title": "x"}),
        await caller.delete(f"/epics/{nobody()}"),
    ]
    assert [answer.status for answer in asked] == statuses
