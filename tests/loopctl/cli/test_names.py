"""Projects and stories by what people call them."""

import pytest

from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell


@pytest.mark.parametrize("named", ["US-2.1", "us-2.1", "2.1", "us_2.1"])
def test_a_story_is_found_by_its_number(shell: Shell, project: str, named: str) -> None:
    assert shell.good("status", named)["story"]["number"] == "2.1"


def test_a_story_is_found_by_its_id(shell: Shell, project: str) -> None:
    id_ = shell.good("status", "2.1")["story"]["id"]
    assert shell.good("status", id_)["story"]["number"] == "2.1"


def test_a_project_is_found_by_slug_name_and_id(shell: Shell, project: str) -> None:
    id_ = shell.good("project", "info", project)["project"]["id"]
    for named in (project, f"Project {project}", id_):
        assert shell.good("status", "--project", named)["progress"]["total_stories"] == 3


def test_an_epic_is_found_by_its_number(shell: Shell, project: str) -> None:
    assert shell("status", "--epic", "2").code == 0
    assert shell("status", "--epic", "77").code == 4


def test_a_number_in_two_projects_is_ambiguous(shell: Shell, project: str) -> None:
    shell.good("project", "create", "Second", "--slug", f"{project}-b")
    shell.good(
        "api",
        "POST",
        f"projects/{project}-b/import",
        "-d",
        '{"epics": [{"number": 2, "title": "E", "stories": [{"number": "2.1", "title": "S"}]}]}',
    )
    shell.environment(PROJECT="")
    said = shell("claim", "2.1")
    assert said.code == 2
    assert {f"{project}-b", project} <= {each["project"] for each in said.error()["error"]["candidates"]}
    assert shell.good("status", "2.1", "--project", f"{project}-b")["story"]["title"] == "S"


@pytest.mark.parametrize("arguments", [("status", "99.9"), ("status", "--project", "nowhere")])
def test_what_is_not_there_ends_with_4(shell: Shell, project: str, arguments: tuple[str, ...]) -> None:
    assert shell(*arguments).code == 4


@pytest.mark.parametrize("command", ["next", "blocked", "pending", "stories", "status", "changes"])
def test_a_project_that_there_is_not_is_no_empty_list(shell: Shell, project: str, command: str) -> None:
    """Went red while `next` of a wrong id ended with 0, as if all were done."""
    for unknown in ("0193a2b4-ffff-7000-8000-00000000000f", "no-such-project"):
        said = shell(command, "--project", unknown)
        assert (said.code, said.out) == (4, "")
    assert shell(command, "--project", project).code == 0, "the control"


def test_no_project_at_all_is_wrong_usage(shell: Shell, keys: Keys) -> None:
    said = shell("status")
    assert (said.code, "config set project" in said.error()["hint"]) == (2, True)
