"""`loopctl ci`: what tests have found is posted, and a change's stories are checked, as a CI calls it."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from api.evidence.junit import read_junit
from loopctl.cli.ci import as_one
from loopctl.cli.ci_change import change_of, numbers_in
from loopctl.cli.ci_identity import identity_of
from loopctl.cli.exits import Exit, Stop
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import Answer, stub
from tests.loopctl.cli.test_loop import reported

COMMIT = "9" * 40
GOOD = '<?xml version="1.0"?>\n<testsuite><testcase classname="tests.a" name="test_a"/></testsuite>'
AUDIENCE = "urn:loopctl:0193a2b4-0000-7000-8000-000000000001:0193a2b4-0000-7000-8000-000000000007"
CI_VARIABLES = (
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "LOOPCTL_CI_AUDIENCE",
    "LOOPCTL_ID_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
)


@pytest.fixture(autouse=True)
def in_no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def junit(tmp_path: Path) -> str:
    (tmp_path / "junit.xml").write_text(GOOD)
    return str(tmp_path / "junit.xml")


def test_what_tests_have_found_is_posted_to_the_stories_that_are_named(
    shell: Shell, keys: Keys, project: str, junit: str
) -> None:
    reported(shell, keys)
    said = ("ci", "report", "--junit", junit, "--commit", COMMIT)
    (posted,) = shell.good(*said, "--text", "US-2.1: rotate keys", key=keys.other)["data"]
    assert (posted["story"], posted["status"]) == ("2.1", "pass")
    assert posted["sha256"] == sha256(GOOD.encode()).hexdigest()
    (kept,) = shell.good("story", "evidence", "2.1")["data"]
    assert kept["commit_sha"] == COMMIT
    own = shell(*said, "2.1", key=keys.implementer)
    assert (own.code, own.error()["error"]["code"]) == (Exit.CONFLICT, "self_verify_blocked")
    missing = shell(*said, "2.1", "7.7", key=keys.other)
    assert (missing.code, "7.7" in missing.err) == (Exit.MISSING, True)
    assert len(shell.good("story", "evidence", "2.1")["data"]) == 1


def test_a_change_is_checked_by_the_state_of_its_stories(shell: Shell, keys: Keys, project: str) -> None:
    assert shell("ci", "check", "2.1", "--state", "reported").code == Exit.BAD
    reported(shell, keys)
    assert shell("ci", "check", "2.1", "--state", "reported", key=keys.other).code == 0
    assert shell("ci", "check", "2.1").code == Exit.BAD
    shell.good("review-complete", "2.1", "--review-type", "t", "--summary", "s", key=keys.other)
    shell.good("verify", "2.1", key=keys.orchestrator)
    assert shell("ci", "check", "2.1").code == 0
    both = shell("ci", "check", "--text", "US-2.1 and story/2.2")
    assert (both.code, "Not verified: 2.2." in both.err) == (Exit.BAD, True)


def test_a_change_that_names_no_story_is_refused_unless_that_is_said_to_be_all_right(
    shell: Shell, project: str, junit: str
) -> None:
    for line in (("ci", "check"), ("ci", "report", "--junit", junit)):
        assert shell(*line, "--text", "Fixes a typo").code == Exit.USAGE
        assert shell(*line, "--text", "Fixes a typo", "--allow-none").code == 0


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("US-2.1: keys", ["2.1"]), ("us-2.1/fix", ["2.1"]), ("story/2.1", ["2.1"]), ("feature/story-2.10-x", ["2.10"]),
        ("US-2.1, US-2.2 and US-2.1.", ["2.1", "2.2"]), ("US-7", ["7"]), ("US-2.1.", ["2.1"]), ("BUS-2.1", []),
        ("version 2.1", []), ("US-2.1a", []), ("US-", []), ("", []), ("x" * 100_000 + "US-3.1", []),
    ],
)  # fmt: skip
def test_a_story_is_named_by_its_number_with_a_word_before_it(text: str, numbers: list[str]) -> None:
    assert numbers_in([text]) == numbers


def test_github_says_of_a_change_its_branch_title_and_commits(tmp_path: Path) -> None:
    event = {
        "pull_request": {"title": "US-2.1", "head": {"ref": "story/2.2", "sha": "8" * 40}},
        "commits": [{"message": "US-2.3"}, {"message": None}, 7],
    }
    (tmp_path / "event.json").write_text(json.dumps(event))
    change = change_of({
        "GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_SHA": COMMIT,
        "GITHUB_REF_NAME": "7/merge", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/keys",
        "GITHUB_RUN_ID": "17",
    })  # fmt: skip
    assert sorted(change.stories()) == ["2.1", "2.2", "2.3"]
    assert (change.commit, change.run_url) == ("8" * 40, "https://github.com/acme/keys/actions/runs/17")


def test_gitlab_says_it_in_its_variables() -> None:
    change = change_of({
        "GITLAB_CI": "true", "CI_COMMIT_MESSAGE": "US-2.1", "CI_COMMIT_REF_NAME": "story-2.2", "CI_COMMIT_SHA": COMMIT,
        "CI_JOB_URL": "https://gitlab.com/jobs/7",
    })  # fmt: skip
    assert (change.stories(), change.commit, change.run_url) == (["2.1", "2.2"], COMMIT, "https://gitlab.com/jobs/7")


def test_several_files_are_sent_as_one_and_a_single_one_as_it_is() -> None:
    assert as_one([GOOD]) == GOOD
    two = as_one([GOOD, "\ufeff<testsuites><testsuite tests='1'><testcase name='b'/></testsuite></testsuites>"])
    found = read_junit(two.encode())
    assert [case.name for case in found.cases] == ["test_a", "b"]
    assert not found.counts_differ


def test_a_runner_of_github_is_asked_for_a_token_of_the_projects_audience() -> None:
    with stub(Answer(200, {"value": "a.b.c", "count": 1})) as runner:
        found = identity_of({
            "LOOPCTL_CI_AUDIENCE": AUDIENCE, "ACTIONS_ID_TOKEN_REQUEST_URL": f"{runner.address}/token?api-version=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer",
        })  # fmt: skip
    assert found is not None
    assert (found.token, found.project) == ("a.b.c", AUDIENCE[-36:])
    (asked,) = runner.asked
    assert asked.path == f"/token?api-version=2&audience={AUDIENCE.replace(':', '%3A')}"
    assert asked.bearer == "bearer"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(403, {}), Exit.DENIED),
        (Answer(200, []), Exit.FAILED),
        (Answer(200, b"<a>"), Exit.FAILED),
        (Answer(0), 1),
    ],
)
def test_a_runner_that_gives_none_is_said(answer: Answer, code: Any) -> None:
    with stub(answer) as runner, pytest.raises(Stop) as stopped:
        identity_of({"LOOPCTL_CI_AUDIENCE": AUDIENCE, "ACTIONS_ID_TOKEN_REQUEST_URL": f"{runner.address}/token?"})
    assert stopped.value.exit_code == code


def test_the_token_is_sent_in_the_place_of_a_key_and_a_key_wins_over_it(
    alone: Shell, junit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = {"id": AUDIENCE[-36:], "number": "2.1"}
    found = Answer(200, {"data": [story], "missing": []})
    posted = Answer(201, {"evidence": {"id": AUDIENCE[-36:], "status": "pass"}})
    monkeypatch.setenv("LOOPCTL_CI_AUDIENCE", AUDIENCE)
    monkeypatch.setenv("LOOPCTL_ID_TOKEN", "a.b.c")
    with stub(found, posted) as server:
        assert alone("ci", "report", "2.1", "--junit", junit, "--server", server.address).code == 0
    assert [each.bearer for each in server.asked] == ["a.b.c", "a.b.c"]
    assert server.asked[0].path == f"/api/v1/projects/{AUDIENCE[-36:]}/ci-stories?numbers=2.1"
    with stub(found, posted) as server:
        line = ("ci", "report", "2.1", "--junit", junit, "--server", server.address, "-p", AUDIENCE[-36:])
        assert alone(*line, key="lc_key").code == 0
    assert {each.bearer for each in server.asked} == {"lc_key"}


def test_an_audience_that_is_none_is_said() -> None:
    with pytest.raises(Stop, match="no audience of a project"):
        identity_of({"LOOPCTL_CI_AUDIENCE": "acme", "LOOPCTL_ID_TOKEN": "a.b.c"})
    assert identity_of({"LOOPCTL_ID_TOKEN": "a.b.c"}) is None
