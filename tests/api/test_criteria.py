"""Acceptance criteria one by one: they follow from what a story says, and keep what was found of each."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.lifecycle.events import StoryClaimed
from tests.api.logs import Service
from tests.api.team import key, work
from tests.api.work import Client, client, nobody

TIME = "2026-03-27T12:00:00.000000Z"
TEST = {"type": "test", "path": "tests/test_a.py", "test_name": "test_b"}
CRITERIA = [{"criterion": "works"}, {"id": "A-9", "description": "fast", "verification_criterion": TEST}, {"id": 7}]


@pytest.fixture
async def story(ann: Client) -> str:
    return await ann.story(await ann.epic(await ann.project()), acceptance_criteria=CRITERIA)


async def listed(caller: Client, story: str) -> list[Any]:
    found: list[Any] = (await caller.get(f"/stories/{story}/acceptance_criteria")).json()["data"]
    return found


async def test_every_story_has_its_criteria_in_its_own_order(ann: Client, story: str) -> None:
    found = await listed(ann, story)
    bare = {"status": "pending", "verified_at": None, "claimed": False, "evidence_path": None}
    legacy = {"type": "manual", "description": "legacy"}
    assert len({each.pop("id") for each in found}) == 3
    assert found == [
        {**bare, "ac_id": "AC-1", "description": "works", "verification_criterion": legacy},
        {**bare, "ac_id": "A-9", "description": "fast", "verification_criterion": TEST},
        {**bare, "ac_id": "7", "description": "(no description)", "verification_criterion": legacy},
    ]


async def test_the_tenth_criterion_comes_after_the_ninth(ann: Client) -> None:
    """Went red when they were sorted by their names as text."""
    criteria = [{"id": f"AC-{number}", "criterion": "c"} for number in (1, 2, 9, 10, 3)]
    story = await ann.story(await ann.epic(await ann.project()), acceptance_criteria=criteria)
    assert [each["ac_id"] for each in await listed(ann, story)] == ["AC-1", "AC-2", "AC-9", "AC-10", "AC-3"]


async def test_items_that_share_an_id_are_told_apart_by_their_place(ann: Client) -> None:
    criteria = [{"id": "AC-2", "criterion": "a"}, {"id": "AC-2", "criterion": "b"}, {"id": "AC-2", "criterion": "c"}]
    story = await ann.story(await ann.epic(await ann.project()), acceptance_criteria=criteria)
    assert [(each["ac_id"], each["description"]) for each in await listed(ann, story)] == [
        ("AC-2", "a"), ("AC-2#2", "b"), ("AC-3", "c"),
    ]  # fmt: skip


async def test_a_criterion_is_changed_by_its_name_or_its_id(ann: Client, story: str) -> None:
    by_id = (await listed(ann, story))[0]["id"]
    binding = {"type": "route", "method": "GET", "path": "/x"}
    bound = await ann.patch(f"/stories/{story}/acceptance_criteria/{by_id}", {"verification_criterion": binding})
    found = {"status": "verified", "evidence_path": "log.txt", "verification_criterion": None}
    answer = await ann.patch(f"/stories/{story}/acceptance_criteria/AC-1", found)
    assert bound.json()["acceptance_criterion"]["verification_criterion"] == binding
    assert answer.json() == {
        "acceptance_criterion": {
            "id": by_id, "ac_id": "AC-1", "description": "works", "verification_criterion": binding,
            "status": "verified", "verified_at": TIME, "claimed": False, "evidence_path": "log.txt",
        }
    }  # fmt: skip
    assert (await listed(ann, story))[0] == answer.json()["acceptance_criterion"]
    cleared = await ann.patch(f"/stories/{story}/acceptance_criteria/AC-1", {"evidence_path": "", "status": "failed"})
    assert [cleared.json()["acceptance_criterion"][name] for name in ("evidence_path", "verified_at")] == [None, None]


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"status": "done"}, {"status": ["is invalid: must be one of failed, pending, unverifiable, verified"]}),
        ({"verification_criterion": []}, {"verification_criterion": ["must be a map"]}),
        (
            {"verification_criterion": {"type": "x"}},
            {"verification_criterion": ["type must be one of test, code, route, migration, manual"]},
        ),
        (
            {"verification_criterion": {"type": "code", "path": "a"}},
            {"verification_criterion": ["needs line_range, pattern"]},
        ),
        ({"evidence_path": "x" * 2001}, {"evidence_path": ["should be at most 2000 character(s)"]}),
    ],
)
async def test_wrong_fields_are_named(ann: Client, story: str, body: Any, details: Any) -> None:
    answer = await ann.patch(f"/stories/{story}/acceptance_criteria/AC-1", body)
    assert (answer.status, answer.error["details"]) == (422, details)


async def test_a_criterion_with_other_words_is_pending_again_and_the_others_stay(ann: Client, story: str) -> None:
    for name in ("AC-1", "A-9"):
        await ann.patch(f"/stories/{story}/acceptance_criteria/{name}", {"status": "verified"})
    await ann.patch(f"/stories/{story}", {"acceptance_criteria": [{"criterion": "works well"}, CRITERIA[1]]})
    assert {each["ac_id"]: each["status"] for each in await listed(ann, story)} == {
        "AC-1": "pending", "A-9": "verified",
    }  # fmt: skip


async def test_who_did_the_work_does_not_say_what_was_found_and_the_attempt_is_recorded(served: Service) -> None:
    agent = uuid4()
    caller = await client(served, "orchestrator", agent_id=str(agent))
    project = await caller.project()
    epic = await caller.epic(project)
    story = await caller.story(epic, acceptance_criteria=CRITERIA)
    claimed = StoryClaimed(
        project_id=UUID(project), epic_id=UUID(epic), agent_status_was="contracted", agent_id=agent,
        contracted_by_agent_id=None,
    )  # fmt: skip
    await caller.happens("story", story, claimed)
    path = f"/stories/{story}/acceptance_criteria/AC-1"
    answer = await caller.patch(path, {"status": "verified"})
    assert (answer.status, answer.error["code"], answer.error["current_state"]) == (
        409,
        "self_verify_blocked",
        "assigned",
    )
    assert (await caller.recorded())[-1][0] == "story.custody_violated"
    assert (await listed(caller, story))[2]["status"] == "pending"
    assert (await caller.patch(path, {"evidence_path": "x"})).status == 200


async def test_who_did_the_work_does_not_choose_how_it_is_checked(served: Service) -> None:
    """Its orchestrator's key changed the check before the review, after it, and of the verified story."""
    loop = await work(served)
    own = await key(loop.team.user, "orchestrator", loop.team.agents["implementer"])
    path = f"/stories/{loop.stories['1.1']}/acceptance_criteria/AC-1"
    easy = {"verification_criterion": {"type": "manual", "description": "believe it"}}
    assert (await own.patch(path, easy)).status == 200, "the control: nobody has worked on it"
    await loop.works(loop.team.implementer, "1.1")
    assert (await own.patch(path, easy)).status == 409
    assert (await own.patch(path, {"evidence_path": "tests/test_it.py"})).status == 200
    await loop.reviews(loop.team.reviewer, "1.1")
    assert (await own.patch(path, easy)).error["code"] == "self_verify_blocked"
    assert (await loop.team.orchestrator.patch(path, {**easy, "status": "verified"})).status == 200
    await loop.verifies("1.1")
    for said in (easy, {"status": "failed"}, {"evidence_path": "elsewhere"}):
        assert (await own.patch(path, said)).error["code"] == "self_verify_blocked"


async def test_how_a_verified_story_was_checked_is_frozen_for_everybody(served: Service) -> None:
    loop = await work(served)
    await loop.works(loop.team.implementer, "1.1")
    await loop.reviews(loop.team.reviewer, "1.1")
    await loop.verifies("1.1")
    path = f"/stories/{loop.stories['1.1']}/acceptance_criteria/AC-1"
    other = {"verification_criterion": {"type": "manual", "description": "other"}}
    assert (await loop.team.orchestrator.patch(path, other)).error["code"] == "criteria_frozen"
    assert (await loop.team.orchestrator.patch(path, {"status": "verified", "evidence_path": "x"})).status == 200


async def test_what_is_unknown_or_of_another_tenant_is_not_found(ann: Client, bob: Client, story: str) -> None:
    for caller, path in (
        (ann, f"/stories/{nobody()}/acceptance_criteria"), (bob, f"/stories/{story}/acceptance_criteria"),
        (ann, "/stories/x/acceptance_criteria"),
    ):  # fmt: skip
        assert (await caller.get(path)).status == 404
        assert (await caller.patch(f"{path}/AC-1", {"status": "failed"})).status == 404
    assert (await ann.patch(f"/stories/{story}/acceptance_criteria/AC-8", {"status": "failed"})).status == 404


async def test_agents_read_and_orchestrators_write(served: Service) -> None:
    for role, statuses in (("agent", [404, 403]), ("orchestrator", [404, 404])):
        caller, path = await client(served, role), f"/stories/{nobody()}/acceptance_criteria"
        assert [(await caller.get(path)).status, (await caller.patch(f"{path}/AC-1", {})).status] == statuses
