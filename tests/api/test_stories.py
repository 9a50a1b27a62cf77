"""Stories over HTTP: what they answer, refuse and record. Their way to verified is tested with the lifecycle."""

from typing import Any
from uuid import UUID

import pytest

from domain.lifecycle.events import StoryContracted
from tests.api.logs import Service
from tests.api.work import Client, client, made_by_others, nobody, verified

TIME = "2026-03-27T12:00:00.000000Z"


async def test_a_created_story_is_answered_with_every_member(ann: Client) -> None:
    project = await ann.project()
    epic = await ann.epic(project)
    criteria = [{"criterion": "works"}, {"id": "AC-9", "description": "fast", "weight": 0.5}]
    said = {
        "number": " us-1.02 ", "title": "Login", "acceptance_criteria": criteria, "estimated_hours": "2.50",
        "metadata": {"a": [1.5]}, "agent_status": "reported_done", "verified_status": "verified",
    }  # fmt: skip
    answer = await ann.post(f"/epics/{epic}/stories", said)
    story = answer.json()["story"]
    assert (answer.status, len(story.pop("id"))) == (201, 36)
    unset = (
        "description", "assigned_agent_id", "assigned_at", "implementer_dispatch_id", "lease_expires_at",
        "review_requested_at", "reported_done_at", "reported_by_agent_id", "verifier_dispatch_id", "verified_at",
        "rejected_at", "rejection_reason", "external_source", "external_id", "external_times", "assignee", "parent",
        "parent_id",
    )  # fmt: skip
    assert story == {
        **dict.fromkeys(unset), "tenant_id": str(ann.tenant), "project_id": project, "epic_id": epic, "number": "1.2",
        "title": "Login", "sort_key": 10020, "ac_count": 2, "estimated_hours": 2.5, "agent_status": "pending",
        "verified_status": "unverified", "verifier_needed": False, "iteration_count": 0, "revision": 0,
        "criteria_changed_after_contract": False, "inserted_at": TIME, "updated_at": TIME,
        "acceptance_criteria": criteria, "metadata": {"a": [1.5]}, "labels": [], "claimed_criteria": [], "priority": 2,
    }  # fmt: skip


async def test_every_route_answers_with_the_same_body(ann: Client) -> None:
    project = await ann.project()
    epic = await ann.epic(project)
    made = (await ann.post(f"/epics/{epic}/stories", {"number": "1.1", "title": "x"})).json()["story"]
    story = made["id"]
    more = ("dependencies", "artifacts", "latest_verification")
    shown = await ann.shown(story)
    assert [shown.pop(name) for name in more] == [[], [], None]
    lists = (f"/stories?project_id={project}", f"/epics/{epic}/stories", "/stories/ready")
    found = [(await ann.get(path)).json()["data"][0] for path in lists]
    assert [shown, (await ann.patch(f"/stories/{story}", {})).json()["story"], *found] == [made] * 5


async def test_a_story_can_be_put_into_the_epic_with_a_number(ann: Client) -> None:
    project = await ann.project("shop")
    epic = await ann.epic(project, 7)
    for number in (7, "7"):
        body = {"number": f"7.{len(str(number))}{number}", "title": "x", "epic_number": number}
        if number == 7:
            body["number"] = "7.1"
        answer = await ann.post("/projects/shop/stories", body)
        assert (answer.status, answer.json()["story"]["epic_id"]) == (201, epic)


@pytest.mark.parametrize(
    ("epic_number", "detail"),
    [
        (None, "can't be blank"),
        ("", "can't be blank"),
        (2, "does not exist"),
        (0, "does not exist"),
        ("x", "is invalid: must be written with digits only"),
    ],
)
async def test_an_epic_that_is_not_named_or_not_there_is_refused(ann: Client, epic_number: Any, detail: str) -> None:
    project = await ann.project()
    await ann.epic(project, 1)
    body = {"number": "1.1", "title": "x", "epic_number": epic_number}
    answer = await ann.post(f"/projects/{project}/stories", body)
    assert (answer.status, answer.error["details"]) == (422, {"epic_number": [detail]})


NUMBER = 'must be "major" or "major.minor", each from 0 to 9999'
BINDING = "type must be one of test, code, route, migration, manual"


@pytest.mark.parametrize(
    ("changes", "details"),
    [
        ({"number": ""}, {"number": ["can't be blank"]}),
        ({"number": None, "title": " "}, {"number": ["can't be blank"], "title": ["can't be blank"]}),
        ({"number": 1}, {"number": ["is invalid: must be a text"]}),
        ({"number": "1.2.3"}, {"number": [NUMBER]}),
        ({"number": "10000"}, {"number": [NUMBER]}),
        ({"number": "1.-1"}, {"number": [NUMBER]}),
        ({"title": "x" * 501}, {"title": ["should be at most 500 character(s)"]}),
        ({"description": "x" * 50_001}, {"description": ["should be at most 50000 character(s)"]}),
        (
            {"acceptance_criteria": ["text"]},
            {"acceptance_criteria": ['is invalid: must be a list of maps, such as {"id": "AC-1", "description": "…"}']},
        ),
        ({"acceptance_criteria": [{}] * 201}, {"acceptance_criteria": ["should have at most 200 item(s)"]}),
        (
            {"acceptance_criteria": [{"verification_criterion": {"type": "prayer"}}]},
            {"acceptance_criteria[0].verification_criterion": [BINDING]},
        ),
        ({"estimated_hours": "many"}, {"estimated_hours": ["is invalid: must be a number from 0 to 1000000"]}),
        ({"estimated_hours": "NaN"}, {"estimated_hours": ["is invalid: must be a number from 0 to 1000000"]}),
        ({"estimated_hours": "1e999999999"}, {"estimated_hours": ["is invalid: must be a number from 0 to 1000000"]}),
        ({"estimated_hours": -1}, {"estimated_hours": ["must be greater than or equal to 0"]}),
        ({"metadata": "x"}, {"metadata": ["must be a map"]}),
        ({"metadata": {"a": "x" * 70_000}}, {"metadata": ["should be at most 65536 character(s)"]}),
    ],
)
async def test_wrong_fields_are_named(ann: Client, changes: Any, details: Any) -> None:
    epic = await ann.epic(await ann.project())
    answer = await ann.post(f"/epics/{epic}/stories", {"number": "1.1", "title": "x", **changes})
    assert (answer.status, answer.error["code"], answer.error["details"]) == (422, "validation_failed", details)


async def test_a_tiny_estimate_written_in_few_letters_does_not_become_a_long_one(ann: Client) -> None:
    """Took a gigabyte before estimates were rounded to a millionth."""
    epic = await ann.epic(await ann.project())
    body = {"number": "1.1", "title": "x", "estimated_hours": "1e-999999999"}
    assert (await ann.post(f"/epics/{epic}/stories", body)).error["details"].keys() == {"estimated_hours"}
    story = await ann.story(epic, estimated_hours=1e-300)
    assert (await ann.shown(story))["estimated_hours"] == 0


async def test_a_number_is_taken_once_in_a_project(ann: Client) -> None:
    project = await ann.project()
    one, two = await ann.epic(project, 1), await ann.epic(project, 2)
    await ann.story(one, "1.1")
    answer = await ann.post(f"/epics/{two}/stories", {"number": "US-1.1", "title": "x"})
    said = "story 1.1 already exists in the project; import with merge=true updates it"
    assert (answer.status, answer.error["details"]) == (422, {"number": [said]})


async def test_the_same_key_and_body_makes_one_story_even_after_its_epic_has_gone(ann: Client) -> None:
    epic = await ann.epic(await ann.project())
    body = {"number": "1.1", "title": "x"}
    first = await ann.post(f"/epics/{epic}/stories", body, Idempotency_Key="k")
    await ann.delete(f"/epics/{epic}")
    again = await ann.post(f"/epics/{epic}/stories", body, Idempotency_Key="k")
    assert (first.status, again.status, again.body) == (201, 201, first.body)


async def test_stories_are_listed_in_the_order_of_their_numbers(ann: Client) -> None:
    project = await ann.project("shop")
    epics = [await ann.epic(project, number) for number in (1, 2)]
    for number in ("2.0", "1.1000", "1.2", "1.10", "1"):
        await ann.story(epics[int(number == "1.2")], number)
    assert await ann.numbers("/stories?project_id=shop") == ["1", "1.2", "1.10", "1.1000", "2.0"]
    assert await ann.numbers(f"/stories?project_id={project}&limit=2&page_size=9&offset=1") == ["1.2", "1.10"]
    assert await ann.numbers(f"/epics/{epics[0]}/stories?limit=2&page=2") == ["1.1000", "2.0"]
    assert await ann.numbers(f"/stories?project_id={project}&epic_id={epics[1]}") == ["1.2"]
    meta = (await ann.get(f"/stories?project_id={project}")).json()["meta"]
    assert meta == {"page": 1, "page_size": 100, "total_count": 5, "total_pages": 1, "limit": 100, "offset": 0}


async def test_filters_narrow_a_list_and_its_total(ann: Client) -> None:
    project = await ann.project()
    epic, other = await ann.epic(project, 1), await ann.epic(project, 2)
    done = await ann.story(epic, "1.1")
    for number in ("1.2", "1.3"):
        await ann.story(epic, number)
    await ann.happens("story", done, verified(project, epic))
    for where in (f"/stories?project_id={project}", f"/stories?project_id={project}&epic_id={epic}"):
        for more, numbers in {
            "&agent_status=pending": ["1.2", "1.3"],
            "&verified_status=verified": ["1.1"],
            "&agent_status=reported_done&verified_status=unverified": [],
            "&agent_status=reported_done&verified_status=verified": ["1.1"],
            "&number=US-1.3": ["1.3"],
            "&number=1.3&agent_status=contracted": [],
            "&number=9": [],
            "&agent_status=": ["1.1", "1.2", "1.3"],
        }.items():
            answer = (await ann.get(where + more)).json()
            assert [each["number"] for each in answer["data"]] == numbers
            assert answer["meta"]["total_count"] == len(numbers)
    elsewhere = (await ann.get(f"/stories?project_id={project}&epic_id={other}&offset=3")).json()
    assert (elsewhere["data"], elsewhere["meta"]["total_count"]) == ([], 0)
    assert await ann.numbers(f"/epics/{epic}/stories?verified_status=unverified") == ["1.2", "1.3"]


async def test_a_project_or_an_epic_that_there_is_not_is_not_an_empty_list(ann: Client, bob: Client) -> None:
    """Red: a list of nothing, which reads as if all were done."""
    project = await ann.project()
    epic = await ann.epic(project)
    await ann.story(epic)
    for caller, query in (
        (ann, f"project_id={nobody()}"),
        (bob, f"project_id={project}"),
        (bob, f"project_id={project}&epic_id={epic}"),
        (ann, f"project_id={nobody()}&epic_id={epic}"),
        (ann, f"project_id={project}&epic_id={nobody()}"),
        (ann, f"epic_id={nobody()}"),
    ):
        for path in ("stories", "stories/ready", "stories/blocked"):
            assert (await caller.get(f"/{path}?{query}")).status == 404
    assert (await ann.get("/stories?project_id=no-such")).status == 404


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("agent_status=verified", 422, "agent_status"),
        ("verified_status=pending", 422, "verified_status"),
        ("number=one", 422, "number"),
        ("epic_id=x", 404, None),
    ],
)
async def test_a_bad_filter_is_refused(ann: Client, query: str, status: int, field: str | None) -> None:
    project = await ann.project()
    answer = await ann.get(f"/stories?project_id={project}&{query}")
    assert answer.status == status
    if field:
        assert list(answer.error["details"]) == [field]


async def test_a_story_is_shown_with_what_it_waits_for_and_its_project_s_mission(ann: Client) -> None:
    project = await ann.project(mission="Ship it")
    epic = await ann.epic(project)
    one, two = await ann.story(epic, "1.1"), await ann.story(epic, "1.2")
    await ann.post("/story_dependencies", {"story_id": two, "depends_on_story_id": one})
    shown = await ann.shown(two)
    assert shown["dependencies"] == [{"story_id": two, "depends_on_story_id": one}]
    assert (shown["project_mission"], shown["artifacts"], shown["latest_verification"]) == ("Ship it", [], None)
    assert (await ann.shown(one))["dependencies"] == []


async def test_a_change_keeps_what_is_not_said_and_clears_an_empty_text(ann: Client) -> None:
    story = await ann.story(await ann.epic(await ann.project()), description="long", estimated_hours=3)
    said = {
        "description": " ", "title": None, "estimated_hours": "", "acceptance_criteria": [{"criterion": "a"}],
        "number": "9.9", "agent_status": "assigned", "metadata": {"b": 1},
    }  # fmt: skip
    answer = await ann.patch(f"/stories/{story}", said)
    changed = answer.json()["story"]
    names = ("description", "title", "estimated_hours", "ac_count", "number", "agent_status", "metadata")
    assert answer.status == 200
    assert [changed[name] for name in names] == [None, "Story 1.1", None, 1, "1.1", "pending", {"b": 1}]
    refused = await ann.patch(f"/stories/{story}", {"title": ""})
    assert (refused.status, refused.error["details"]) == (422, {"title": ["can't be blank"]})


async def test_a_long_description_gives_way_to_another_and_its_beginning_is_remembered(ann: Client) -> None:
    story = await ann.story(await ann.epic(await ann.project()), description="a" * 50_000)
    answer = await ann.patch(f"/stories/{story}", {"description": "b" * 50_000})
    assert (answer.status, answer.json()["story"]["description"]) == (200, "b" * 50_000)
    updated = (await ann.recorded())[-1][1]
    assert updated.description_was == "a" * 1999 + "…"
    await ann.patch(f"/stories/{story}", {"description": "c" * 2000})
    await ann.patch(f"/stories/{story}", {"description": "d"})
    assert (await ann.recorded())[-1][1].description_was == "c" * 2000, "whole when it is not long"


async def test_a_change_of_nothing_records_nothing(ann: Client) -> None:
    story = await ann.story(await ann.epic(await ann.project()), description="long")
    before = len(await ann.recorded())
    assert (await ann.patch(f"/stories/{story}", {"description": "long", "title": "Story 1.1"})).status == 200
    assert len(await ann.recorded()) == before


async def test_other_criteria_void_a_contract_and_are_a_revision(ann: Client) -> None:
    project = await ann.project()
    epic = await ann.epic(project)
    story = await ann.story(epic)
    await ann.happens("story", story, contracted(project, epic))
    answer = await ann.patch(f"/stories/{story}", {"title": "Other"})
    changed = answer.json()["story"]
    assert (changed["agent_status"], changed["revision"]) == ("pending", 1)
    assert [tag for tag, _ in await ann.recorded()][-2:] == ["story.updated", "story.revised"]


def contracted(project: str, epic: str) -> StoryContracted:
    return StoryContracted(
        project_id=UUID(project), epic_id=UUID(epic), agent_status_was="pending", agent_id=UUID(int=1),
        contract_hash="0" * 64,
    )  # fmt: skip


async def test_a_deletion_takes_dependencies_along_in_any_status(ann: Client) -> None:
    project = await ann.project()
    epic = await ann.epic(project)
    one, two = await ann.story(epic, "1.1"), await ann.story(epic, "1.2")
    await ann.post("/story_dependencies", {"story_id": two, "depends_on_story_id": one})
    await ann.happens("story", one, verified(project, epic))
    assert (await ann.delete(f"/stories/{one}")).status == 204
    assert [tag for tag, _ in await ann.recorded()][-2:] == ["story_dependency.deleted", "story.deleted"]
    assert (await ann.shown(two))["dependencies"] == []
    assert (await ann.get(f"/epics/{epic}/progress")).json()["progress"]["total_stories"] == 1


async def test_what_is_unknown_or_of_another_tenant_is_not_found(ann: Client, bob: Client) -> None:
    project = await ann.project()
    epic = await ann.epic(project)
    story = await ann.story(epic)
    body = {"number": "5", "title": "x", "epic_number": 1}
    for caller, a_project, an_epic, a_story in (
        (ann, nobody(), nobody(), nobody()), (bob, project, epic, story), (ann, "no-such", "x", "y"),
    ):  # fmt: skip
        asked = [
            await caller.post(f"/epics/{an_epic}/stories", body),
            await caller.post(f"/projects/{a_project}/stories", body),
            await caller.get(f"/epics/{an_epic}/stories"),
            await caller.get(f"/stories/{a_story}"),
            await caller.patch(f"/stories/{a_story}", {"title": "y"}),
            await caller.delete(f"/stories/{a_story}"),
        ]
        assert {(answer.status, answer.error["code"]) for answer in asked} == {(404, "not_found")}
    assert (await ann.shown(story))["title"] == "Story 1.1"


@pytest.mark.parametrize(
    ("role", "statuses"), [("agent", [200, 403, 403, 403]), ("orchestrator", [200, 404, 404, 403])]
)
async def test_agents_read_orchestrators_write_and_users_delete(
    served: Service, role: str, statuses: list[int]
) -> None:
    caller = await client(served, role)
    project, missing = await made_by_others(caller), nobody()
    asked = [
        await caller.get(f"/stories?project_id={project}"),
        await caller.post(f"/epics/{missing}/stories", {"number": "1", "title": "x"}),
        await caller.patch(f"/stories/{missing}", {"title": "x"}),
        await caller.delete(f"/stories/{missing}"),
    ]
    assert [answer.status for answer in asked] == statuses
