"""Skills: versions, names, imports that can be repeated, differences, results and what they come to."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from tests.api.logs import Service, service
from tests.api.team import Work, work
from tests.api.work import Client, client, nobody
from tests.support.database import TestDatabase, copied_database

REVIEW = {"name": "loopctl:review", "prompt_text": "Read it.\n"}


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def running(shared: TestDatabase) -> AsyncIterator[Service]:
    async with service(shared) as started:
        yield started


@pytest.fixture
async def user(running: Service) -> Client:
    return await client(running)


async def made(who: Client, **more: Any) -> Any:
    answer = await who.post("/skills", {**REVIEW, **more})
    assert answer.status == 201, answer.body
    return answer.json()


async def imported(who: Client, *skills: Any, **more: Any) -> Any:
    answer = await who.post("/skills/import", {"skills": list(skills), **more})
    assert answer.status == 200, answer.body
    return answer.json()


async def version(who: Client, skill: Any, text: str, **more: Any) -> Any:
    answer = await who.post(f"/skills/{skill['id']}/versions", {"prompt_text": text, **more})
    assert answer.status == 201, answer.body
    return answer.json()["version"]


async def test_a_skill_begins_with_its_first_version_and_is_found_by_its_name(user: Client) -> None:
    both = await made(user, description="How to review")
    skill, first = both["skill"], both["version"]
    assert (skill["status"], skill["current_version"], skill["project_id"]) == ("active", 1, None)
    assert (first["version"], first["prompt_text"], first["changelog"]) == (1, "Read it.\n", None)
    assert first["created_by"].startswith("user:")
    shown = (await user.get(f"/skills/{skill['id']}")).json()
    assert shown == {"skill": skill, "current_prompt": "Read it.\n"}
    for query, found in (
        ("name=REVIEW", 1),
        ("name=re_iew", 0),
        ("name_exact=loopctl:review", 1),
        ("name_exact=re", 0),
    ):
        assert len((await user.get(f"/skills?{query}")).json()["data"]) == found, query


async def test_a_new_version_is_the_newest_and_the_old_ones_stay(user: Client) -> None:
    skill = (await made(user))["skill"]
    second = await version(user, skill, "Read it twice.\n", changelog="Twice", created_by="somebody else")
    assert (second["version"], second["attributed_to"], second["created_by"][:5]) == (2, "somebody else", "user:")
    shown = (await user.get(f"/skills/{skill['id']}")).json()
    assert (shown["skill"]["current_version"], shown["current_prompt"]) == (2, "Read it twice.\n")
    listed = (await user.get(f"/skills/{skill['id']}/versions")).json()["data"]
    assert [each["version"] for each in listed] == [1, 2]
    assert "prompt_text" not in listed[0]
    old = (await user.get(f"/skills/{skill['id']}/versions/1")).json()["version"]
    assert old["prompt_text"] == "Read it.\n"
    wrong = {
        number: (await user.get(f"/skills/{skill['id']}/versions/{number}")).status for number in ("3", "0", "one")
    }
    assert wrong == {"3": 404, "0": 404, "one": 400}


async def test_versions_that_are_added_at_once_have_numbers_of_their_own(user: Client) -> None:
    skill = (await made(user))["skill"]
    added = await asyncio.gather(*(version(user, skill, f"Text {number}") for number in range(8)))
    assert sorted(each["version"] for each in added) == [*range(2, 10)]


async def test_a_name_is_taken_in_its_project_and_free_elsewhere(user: Client, running: Service) -> None:
    project = await user.project()
    await made(user)
    await made(user, project_id=project)
    for again in (REVIEW, {**REVIEW, "project_id": project}, {**REVIEW, "name": " loopctl:review "}):
        answer = await user.post("/skills", again)
        assert (answer.status, [*answer.error["details"]]) == (422, ["name"])
    await made(await client(running))


async def test_what_is_wrong_with_a_skill_is_said_by_field_and_nothing_is_recorded(user: Client) -> None:
    before = len(await user.recorded())
    for body, fields in (
        ({}, {"name", "prompt_text"}),
        ({"name": "a", "prompt_text": " \n"}, {"prompt_text"}),
        ({"name": "a", "prompt_text": "x" * 50_001}, {"prompt_text"}),
        ({"name": "a" * 256, "prompt_text": "x"}, {"name"}),
        ({"name": "a", "prompt_text": "x", "project_id": nobody()}, {"project_id"}),
    ):
        answer = await user.post("/skills", body)
        assert (answer.status, {*answer.error["details"]}) == (422, fields), body
    assert len(await user.recorded()) == before


async def test_a_skill_is_archived_once_and_comes_back(user: Client) -> None:
    skill = (await made(user))["skill"]
    path = f"/skills/{skill['id']}"
    assert (await user.delete(path)).json()["skill"]["status"] == "archived"
    size = len(await user.recorded())
    assert (await user.delete(path)).status == 200
    assert len(await user.recorded()) == size
    assert (await user.get("/skills?status=active")).json()["data"] == []
    await version(user, skill, "Still takes versions")
    back = (await user.patch(path, {"status": "active", "description": "Again", "metadata": None})).json()["skill"]
    assert (back["status"], back["description"], back["current_version"]) == ("active", "Again", 2)
    assert (await user.patch(path, {"status": "gone"})).error["details"].keys() == {"status"}


async def test_an_import_that_is_said_twice_is_done_once(user: Client) -> None:
    texts = [{"name": f"s-{number}", "prompt_text": f"Do {number}"} for number in range(3)]
    assert await imported(user, *texts) == {"total": 3, "created": 3, "updated": 0, "unchanged": 0}
    size = len(await user.recorded())
    assert await imported(user, *texts, {"name": "s-0", "prompt_text": "\nDo 0 \n"}) == {
        "total": 4, "created": 0, "updated": 0, "unchanged": 4,
    }  # fmt: skip
    assert len(await user.recorded()) == size
    assert await imported(user, {**texts[0], "prompt_text": "Other"}, *texts[1:]) == {
        "total": 3, "created": 0, "updated": 1, "unchanged": 2,
    }  # fmt: skip
    (found,) = (await user.get("/skills?name_exact=s-0")).json()["data"]
    newest = (await user.get(f"/skills/{found['id']}/versions/2")).json()["version"]
    assert (newest["prompt_text"], newest["changelog"]) == ("Other", "Imported update")
    assert await imported(user) == {"total": 0, "created": 0, "updated": 0, "unchanged": 0}


async def test_an_import_sees_what_it_has_just_made_and_keeps_projects_apart(user: Client) -> None:
    project = await user.project()
    twice = ({"name": "a", "prompt_text": "1"}, {"name": "a", "prompt_text": "2"}, {"name": "a", "prompt_text": "2"})
    assert await imported(user, *twice) == {"total": 3, "created": 1, "updated": 1, "unchanged": 1}
    assert await imported(user, twice[0], project_id=project) == {
        "total": 1,
        "created": 1,
        "updated": 0,
        "unchanged": 0,
    }
    listed = (await user.get("/skills?name_exact=a")).json()["data"]
    assert [(each["project_id"], each["current_version"]) for each in listed] == [(None, 2), (project, 1)]


async def test_an_import_with_one_wrong_skill_brings_none_in(user: Client) -> None:
    answer = await user.post(
        "/skills/import",
        {"skills": [REVIEW, {"name": "", "prompt_text": "x"}, {"name": "b", "project_id": nobody()}]},
    )
    assert (answer.status, {*answer.error["details"]}) == (
        422, {"skills[1].name", "skills[2].prompt_text", "skills[2].project_id"},
    )  # fmt: skip
    assert (await user.get("/skills")).json()["data"] == []
    assert (await user.post("/skills/import", {"skills": {}})).status == 422


async def test_a_difference_is_a_patch_between_two_versions(user: Client) -> None:
    skill = (await made(user, prompt_text="One\nTwo\n"))["skill"]
    await version(user, skill, "One\nTwo and a half\nThree\n")
    found = (await user.get(f"/skills/{skill['id']}/versions/2/diff")).json()["data"]
    assert (found["from"], found["to"], found["added"], found["removed"]) == (1, 2, 2, 1)
    assert found["diff"].splitlines() == [
        "--- loopctl:review@1", "+++ loopctl:review@2", "@@ -1,2 +1,3 @@", " One", "-Two", "+Two and a half", "+Three",
    ]  # fmt: skip
    back = (await user.get(f"/skills/{skill['id']}/versions/1/diff?against=2")).json()["data"]
    assert (back["added"], back["removed"]) == (1, 2)
    assert (await user.get(f"/skills/{skill['id']}/versions/2/diff?against=2")).json()["data"]["diff"] == ""
    assert (await user.get(f"/skills/{skill['id']}/versions/2/diff?against=9")).status == 404


async def test_an_erased_prompt_is_gone_from_every_answer(user: Client) -> None:
    skill = (await made(user, prompt_text="Call Ann: 555-0199"))["skill"]
    tags = [tag for tag, _ in await user.recorded()]
    place = tags.index("skill_version.created")
    assert (await user.post(f"/audit/entries/{place}/erase", {"reason": "a number"})).status == 200
    shown = (await user.get(f"/skills/{skill['id']}")).json()
    assert shown["current_prompt"] == "[erased]"
    assert await imported(user, {**REVIEW, "prompt_text": "Call Ann: 555-0199"}) == {
        "total": 1, "created": 0, "updated": 1, "unchanged": 0,
    }  # fmt: skip


async def judged(done: Work, number: str) -> tuple[str, str]:
    """A verified story and its verification result."""
    await done.works(done.team.implementer, number)
    await done.reviews(done.team.reviewer, number)
    await done.verifies(number)
    story = done.stories[number]
    return story, (await done.team.orchestrator.get(f"/stories/{story}/verifications")).json()["data"][0]["id"]


async def test_results_come_to_figures_in_which_what_is_missing_is_no_zero(running: Service) -> None:
    done = await work(running, "1.1", "1.2", "1.3")
    lead = done.team.orchestrator
    both = await made(done.team.user)
    path, of = f"/skills/{both['skill']['id']}", both["version"]["id"]
    assert (await lead.get(f"{path}/stats")).json()["data"] == []
    metrics: tuple[Any, ...] = (
        {"findings_count": 4, "false_positive_count": 1},
        {"findings_count": 2, "false_positive_count": True},
        {},
    )
    for number, said in zip(("1.1", "1.2", "1.3"), metrics, strict=True):
        story, verification = await judged(done, number)
        named = {"skill_version_id": of, "verification_result_id": verification, "story_id": story}
        first = await lead.post("/skill_results", {**named, "metrics": said})
        again = await lead.post("/skill_results", {**named, "metrics": said})
        assert (first.status, again.status, again.json() == first.json()) == (201, 201, True)
        other = await lead.post("/skill_results", {**named, "metrics": {"findings_count": 9}})
        assert (other.status, other.error["code"]) == (409, "conflict")
    (stat,) = (await lead.get(f"{path}/stats")).json()["data"]
    assert stat == {
        "version": 1, "total_results": 3, "pass_count": 3, "fail_count": 0, "partial_count": 0, "stories_reviewed": 3,
        "avg_findings": "3.0000", "avg_false_positives": "1.0000", "false_positive_rate": "0.3333",
        "avg_iterations": None,
    }  # fmt: skip
    listed = (await lead.get(f"{path}/versions/1/results")).json()["data"]
    assert [each["metrics"] for each in listed] == [*metrics[::-1]]
    assert (await done.team.user.delete(f"/stories/{done.stories['1.3']}")).status == 204
    assert len((await lead.get(f"{path}/versions/1/results")).json()["data"]) == 2


async def test_a_result_names_what_there_is_and_belongs_together(running: Service) -> None:
    done = await work(running, "1.1", "1.2")
    lead, of = done.team.orchestrator, (await made(done.team.user))["version"]["id"]
    story, verification = await judged(done, "1.1")
    named = {"skill_version_id": of, "verification_result_id": verification, "story_id": story}
    for wrong, fields in (
        ({}, {"skill_version_id", "verification_result_id", "story_id"}),
        ({**named, "skill_version_id": str(uuid4())}, {"skill_version_id"}),
        ({**named, "verification_result_id": str(uuid4())}, {"verification_result_id"}),
        ({**named, "story_id": done.stories["1.2"]}, {"verification_result_id"}),
        ({**named, "metrics": {"text": "x" * 65_600}}, {"metrics"}),
    ):
        answer = await lead.post("/skill_results", wrong)
        assert (answer.status, {*answer.error["details"]}) == (422, fields), wrong
    assert (await done.team.user.post("/skill_results", named)).status == 403
