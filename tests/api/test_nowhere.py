"""A list of a project or an epic that there is not is no empty list: "nothing to do" would be a wrong answer."""

import pytest

from tests.api.work import Client, nobody

OF_PROJECTS = (
    "/stories?project_id={}", "/stories/ready?project_id={}", "/stories/blocked?project_id={}", "/audit?project_id={}",
    "/changes?after=0&project_id={}", "/projects/{}/epics", "/projects/{}/progress", "/projects/{}/export",
)  # fmt: skip
OF_EPICS = ("/stories/ready?epic_id={}", "/stories/blocked?epic_id={}", "/epics/{}/stories", "/epics/{}/progress")


@pytest.mark.parametrize("path", OF_PROJECTS)
async def test_a_project_that_there_is_not(ann: Client, bob: Client, path: str) -> None:
    """Queues, stories, audit and changes answered 200 and nothing."""
    project = await ann.project()
    assert (await ann.get(path.format(project))).status == 200, "the control: there is one, with hardly anything in it"
    assert (await bob.get(path.format(project))).status == 404
    for unknown in (nobody(), "no-such-project"):
        assert (await ann.get(path.format(unknown))).status == 404


@pytest.mark.parametrize("path", OF_EPICS)
async def test_an_epic_that_there_is_not(ann: Client, bob: Client, path: str) -> None:
    epic = await ann.epic(await ann.project())
    assert (await ann.get(path.format(epic))).status == 200, "the control"
    assert (await bob.get(path.format(epic))).status == 404
    assert (await ann.get(path.format(nobody()))).status == 404


async def test_stories_of_an_epic_of_nobody(ann: Client) -> None:
    project = await ann.project()
    epic = await ann.epic(project)
    assert (await ann.get(f"/stories?project_id={project}&epic_id={epic}")).status == 200
    assert (await ann.get(f"/stories?project_id={project}&epic_id={nobody()}")).status == 404
