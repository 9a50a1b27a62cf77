"""Where a story is from and where it belongs: ids elsewhere, labels, priority, parents, claims."""

from typing import Any

import pytest

from tests.api.work import Client

FROM_GITHUB = {"external_source": "github", "external_id": "#12"}


async def story(ann: Client, project: str, number: str, **said: Any) -> Any:
    body = {"number": number, "title": f"Story {number}", "epic_number": 1, **said}
    answer = await ann.post(f"/projects/{project}/stories", body)
    assert answer.status == 201, answer.json()
    return answer.json()["story"]


async def numbers(ann: Client, path: str) -> list[str]:
    return [each["number"] for each in (await ann.get(path)).json()["data"]]


async def test_an_id_elsewhere_is_of_one_story_of_the_project_and_finds_it(ann: Client) -> None:
    """Went red when the holder of the id was not looked up."""
    project = await ann.project()
    await ann.epic(project, 1)
    first, second = await story(ann, project, "1.1", **FROM_GITHUB), await story(ann, project, "1.2")
    taken = await ann.patch(f"/stories/{second['id']}", FROM_GITHUB)
    assert taken.error["details"] == {"external_id": ["is that of story 1.1 already"]}
    assert (await ann.patch(f"/stories/{first['id']}", FROM_GITHUB)).status == 200, "its own"
    other = {**FROM_GITHUB, "external_source": "jira"}
    assert (await ann.patch(f"/stories/{second['id']}", other)).status == 200, "of another source"
    assert await numbers(ann, f"/stories?project_id={project}&external_id=%2312") == ["1.1", "1.2"]
    assert await numbers(ann, "/stories?external_id=%2312&external_source=github") == ["1.1"]
    cleared = await ann.patch(f"/stories/{first['id']}", {"external_source": "", "external_id": ""})
    assert cleared.json()["story"]["external_id"] is None
    assert (await ann.patch(f"/stories/{second['id']}", FROM_GITHUB)).status == 200, "it is free again"


async def test_what_is_urgent_is_ready_first(ann: Client) -> None:
    project = await ann.project()
    await ann.epic(project, 1)
    for number, priority in (("1.1", 3), ("1.2", 2), ("1.3", 0), ("1.4", 2)):
        await story(ann, project, number, priority=priority)
    assert await numbers(ann, f"/stories/ready?project_id={project}") == ["1.3", "1.2", "1.4", "1.1"]
    assert await numbers(ann, "/stories/ready") == ["1.3", "1.2", "1.4", "1.1"]
    (late,) = (await ann.get(f"/stories?project_id={project}&number=1.1")).json()["data"]
    await ann.patch(f"/stories/{late['id']}", {"priority": 0})
    assert await numbers(ann, "/stories/ready") == ["1.1", "1.3", "1.2", "1.4"]


async def test_a_list_is_of_one_label_one_assignee_or_one_parent(ann: Client) -> None:
    project = await ann.project()
    await ann.epic(project, 1)
    above = await story(ann, project, "1.1", labels=["auth", " ui "], assignee="ann")
    await story(ann, project, "1.2", labels=["ui"], parent="1.1")
    assert await numbers(ann, "/stories?label=ui") == ["1.1", "1.2"]
    assert await numbers(ann, "/stories?label=auth") == ["1.1"]
    assert await numbers(ann, "/stories?assignee=ann") == ["1.1"]
    assert await numbers(ann, f"/stories?parent_id={above['id']}") == ["1.2"]
    assert (await ann.get("/stories?label=none")).json()["meta"]["total_count"] == 0


async def test_a_parent_is_a_story_of_the_project_and_no_part_of_its_own_part(ann: Client) -> None:
    """Went red when those above the parent were not looked at."""
    project = await ann.project()
    await ann.epic(project, 1)
    top, middle = await story(ann, project, "1.1"), await story(ann, project, "1.2", parent="1.1")
    low = await story(ann, project, "1.3", parent_id=middle["id"])
    assert (low["parent"], low["parent_id"]) == ("1.2", middle["id"])
    ring = await ann.patch(f"/stories/{top['id']}", {"parent": "1.3"})
    assert ring.error["details"] == {"parent": ["would make the story a part of itself"]}
    unknown = await ann.patch(f"/stories/{top['id']}", {"parent": "9.9"})
    assert unknown.error["details"] == {"parent": ["is no story of the project"]}
    both = {"parent": low["parent"], "parent_id": low["parent_id"]}
    assert (await ann.patch(f"/stories/{low['id']}", both)).status == 200, "what was answered can be sent back"
    assert (await ann.delete(f"/stories/{middle['id']}")).status == 204
    left = (await ann.get(f"/stories/{low['id']}")).json()["story"]
    assert (left["parent"], left["parent_id"]) == (None, None)


async def test_a_claim_is_of_a_criterion_confirms_nothing_and_goes_with_its_words(ann: Client) -> None:
    project = await ann.project()
    await ann.epic(project, 1)
    criteria = [{"id": "AC-1", "criterion": "a"}, {"id": "AC-2", "criterion": "b"}]
    made = await story(ann, project, "1.1", acceptance_criteria=criteria, claimed_criteria=["AC-1", "AC-2"])
    shown = (await ann.get(f"/stories/{made['id']}/acceptance_criteria")).json()["data"]
    assert [(each["claimed"], each["status"]) for each in shown] == [(True, "pending"), (True, "pending")]
    criteria[0]["criterion"] = "c"
    changed = await ann.patch(f"/stories/{made['id']}", {"acceptance_criteria": criteria})
    assert changed.json()["story"]["claimed_criteria"] == ["AC-2"]
    unknown = await ann.patch(f"/stories/{made['id']}", {"claimed_criteria": ["AC-3"]})
    assert unknown.error["details"] == {"claimed_criteria": ["names no criterion of the story: AC-3"]}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"external_id": "#1"}, "external_id"),
        ({"external_source": "x" * 51, "external_id": "1"}, "external_source"),
        ({"labels": [" "]}, "labels"),
        ({"labels": ["x" * 101]}, "labels"),
        ({"priority": 5}, "priority"),
        ({"assignee": "x" * 201}, "assignee"),
        ({"external_times": {"made_at": "2026-01-01"}}, "external_times"),
        ({"external_times": {"created_at": "yesterday"}}, "external_times.created_at"),
    ],
)
async def test_what_is_wrong_with_a_detail_is_named(ann: Client, said: Any, field: str) -> None:
    project = await ann.project()
    epic = await ann.epic(project)
    answer = await ann.post(f"/epics/{epic}/stories", {"number": "1.1", "title": "x", **said})
    assert (answer.status, list(answer.error["details"])) == (422, [field])


async def test_an_import_ties_stories_by_number_and_refuses_what_meets_with_its_place(ann: Client) -> None:
    project = await ann.project()
    stories: list[Any] = [
        {"number": "1.1", "title": "a", "parent": "1.2", **FROM_GITHUB},
        {"number": "1.2", "title": "b", "external_times": {"closed_at": "2026-01-02T03:04:05Z"}},
        {"number": "1.3", "title": "c"},
    ]
    work = {"epics": [{"number": 1, "title": "E", "stories": stories}]}
    stories[1]["parent"], stories[2] = "1.1", {**stories[2], **FROM_GITHUB}
    refused = await ann.post(f"/projects/{project}/import", work)
    assert set(refused.error["details"]) == {"epics[0].stories[0].parent", "epics[0].stories[2].external_id"}
    del stories[1]["parent"], stories[2]["external_id"], stories[2]["external_source"]
    assert (await ann.post(f"/projects/{project}/import", work)).status == 201
    again = (await ann.post(f"/projects/{project}/import?merge=true", work)).json()["import"]
    assert (again["stories_created"], again.get("updates", [])) == (0, [])
    # Two that swap their ids are no conflict.
    swapped: list[Any] = [{"number": "1.3", **FROM_GITHUB}, {"number": "1.1", **FROM_GITHUB, "external_id": "#13"}]
    body = {"epics": [{"number": 1, "title": "E", "stories": swapped}]}
    assert (await ann.post(f"/projects/{project}/import?merge=true", body)).status == 200
    assert await numbers(ann, "/stories?external_id=%2312") == ["1.3"]
