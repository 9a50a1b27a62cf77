"""Blanks around a name are not kept when it comes in, and do not matter when it comes back: one rule both ways."""

from tests.api.work import Client

NAME = "  a name\t"


async def test_a_project_is_found_by_the_slug_that_it_was_made_with(ann: Client) -> None:
    """Went red when a slug with a blank had an invalid format, and a filter with one found nothing."""
    body = {
        "name": NAME,
        "slug": " with-blanks ",
        "tech_stack": " Elixir ",
        "repo_url": " https://x ",
        "mission": " go ",
    }
    made = (await ann.post("/projects", body)).json()["project"]
    assert [made[name] for name in ("name", "slug", "tech_stack", "repo_url", "mission")] == [
        "a name", "with-blanks", "Elixir", "https://x", "go"
    ]  # fmt: skip
    found = (await ann.get("/projects?slug=%20with-blanks%20")).json()["data"]
    assert [each["id"] for each in found] == [made["id"]]
    assert (await ann.post("/projects", {**body, "slug": "with-blanks "})).status == 422
    again = await ann.patch(f"/projects/{made['id']}", body)
    assert (again.status, again.json()["project"]["updated_at"]) == (200, made["updated_at"])


async def test_an_epic_is_found_by_the_phase_that_it_was_made_with(ann: Client) -> None:
    project = await ann.project()
    epic = await ann.epic(project, phase=" core ")
    for phase in ("core", "%20core%20"):
        found = (await ann.get(f"/projects/{project}/epics?phase={phase}")).json()["data"]
        assert [each["id"] for each in found] == [epic]


async def test_a_long_text_keeps_its_blanks(ann: Client) -> None:
    """The control: in a description they may be code."""
    story = await ann.story(await ann.epic(await ann.project()), description="    indented\n")
    assert (await ann.get(f"/stories/{story}")).json()["story"]["description"] == "    indented\n"


async def test_a_criterion_is_named_as_it_was_written(ann: Client) -> None:
    story = await ann.story(await ann.epic(await ann.project()), acceptance_criteria=[{"id": " A ", "criterion": "c"}])
    path = f"/stories/{story}/acceptance_criteria/A"
    assert (await ann.patch(path, {"evidence_path": " a.py "})).json()["acceptance_criterion"][
        "evidence_path"
    ] == "a.py"


async def test_a_criterion_is_the_same_with_blanks_and_without(ann: Client) -> None:
    """Went red when only other texts were trimmed: the story was changed, and its contract void."""
    epic = await ann.epic(await ann.project())
    spoken = [{"id": " A ", "criterion": "\tit works \n", "note": " kept "}]
    story = await ann.story(epic, acceptance_criteria=spoken)
    shown = (await ann.get(f"/stories/{story}")).json()["story"]
    assert shown["acceptance_criteria"] == [{"id": "A", "criterion": "it works", "note": " kept "}]
    again = (await ann.patch(f"/stories/{story}", {"acceptance_criteria": spoken})).json()["story"]
    assert again["updated_at"] == shown["updated_at"]
