"""`loopctl skill` against a real server: the skills that come with it, a folder of one's own, and what changed."""

from pathlib import Path
from uuid import uuid4

import pytest

from loopctl.skills import shipped
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import Answer, stub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of two skills, one in a folder of its own."""
    made = tmp_path / "skills"
    (made / "more").mkdir(parents=True)
    (made / "my_review.md").write_text("Read it.\n")
    (made / "more" / "x.md").write_text(f"---\nname: s-{uuid4().hex}\ndescription: What for\n---\n\nDo it.\n")
    return made


def test_the_skills_that_come_with_loopctl_are_imported_once(shell: Shell, keys: Keys) -> None:
    shell.good("skill", "import")
    again = shell.good("skill", "import")
    assert again == {"total": 7, "created": 0, "updated": 0, "unchanged": 7}
    found = shell.good("skill", "get", "loopctl:review", key=keys.implementer)
    ours = {each.name: each.prompt_text for each in shipped()}
    assert found["current_prompt"] == ours["loopctl:review"]
    assert found["skill"]["current_version"] >= 1


def test_a_folder_of_skills_is_imported_and_changed_and_looked_at(shell: Shell, folder: Path, project: str) -> None:
    """Names are of the project, so that runs of this test are apart."""
    of = ("--project", project)
    assert shell.good("skill", "import", str(folder), *of)["created"] == 2
    (folder / "my_review.md").write_text("Read it.\nTwice.\n")
    assert shell.good("skill", "import", str(folder), *of) == {"total": 2, "created": 0, "updated": 1, "unchanged": 1}
    assert shell("skill", "get", "my-review", "--text", *of).out == "Read it.\nTwice.\n"
    assert shell("skill", "get", "my-review", "--text", "--version", "1", *of).out == "Read it.\n"
    assert shell("skill", "diff", "my-review", *of, "--format", "human").out.splitlines()[-1] == "+Twice."
    shell.good("skill", "update", "my-review", "--file", str(folder / "more" / "x.md"), "--changelog", "Other", *of)
    assert [each["changelog"] for each in shell.good("skill", "history", "my-review", *of)["data"]][-1] == "Other"
    assert shell.good("skill", "stats", "my-review", *of)["data"] == []
    assert shell.good("skill", "archive", "my-review", *of)["skill"]["status"] == "archived"
    names = [each["name"] for each in shell.good("skill", "list", "--status", "active", *of)["data"]]
    assert len(names) == 1


def test_tables_fit_a_terminal(shell: Shell, folder: Path, project: str) -> None:
    shell.good("skill", "import", str(folder), "--project", project)
    for line in (("list",), ("history", "my-review"), ("stats", "my-review")):
        out = shell("skill", *line, "--project", project, "--format", "human").out
        assert max(map(len, out.splitlines()), default=0) <= 80, out


def test_a_skill_that_there_is_not_is_said_with_what_there_is(shell: Shell, tmp_path: Path) -> None:
    said = shell("skill", "get", "nothing")
    assert (said.code, said.error()["hint"]) == (4, "See what there is: loopctl skill list")
    assert shell("skill", "import", str(tmp_path / "nowhere")).code == 2


def test_a_tenant_that_has_imported_nothing_is_shown_what_comes_with_loopctl(shell: Shell) -> None:
    """The printed command works on the first day. It says where the text is from."""
    with stub(Answer(200, {"data": [], "meta": {"total_count": 0}})) as server:
        said = shell("skill", "get", "loopctl:review", "--text", "--server", server.address)
        other = shell("skill", "get", "loopctl:other", "--server", server.address)
    ours = {each.name: each.prompt_text for each in shipped()}
    assert (said.code, said.out) == (0, ours["loopctl:review"])
    assert "comes with loopctl" in said.err
    assert other.code == 4
