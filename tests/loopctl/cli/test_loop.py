"""A story's whole way, as agents with a shell walk it."""

import pytest

from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell


def implemented(shell: Shell, keys: Keys, story: str = "US-2.1") -> None:
    """Until somebody else has to look at it."""
    for step in ("contract", "claim", "start", "request-review"):
        shell.good(step, story, key=keys.implementer)


def reported(shell: Shell, keys: Keys, story: str = "US-2.1") -> str:
    """The id of the story."""
    implemented(shell, keys, story)
    found: str = shell.good("report", story, key=keys.other)["story"]["id"]
    return found


def test_work_is_verified_by_others(shell: Shell, keys: Keys, project: str) -> None:
    reported(shell, keys)
    assert [story["number"] for story in shell.good("pending")["data"]] == ["2.1"]
    shell.good("review-complete", "2.1", "--review-type", "adversarial", "--summary", "Sound", key=keys.other)
    verified = shell.good("verify", "US-2.1", "--result", "pass", "--summary", "All ACs met", key=keys.orchestrator)
    assert verified["story"]["verified_status"] == "verified"


def test_the_commands_of_what_waits_get_a_story_to_its_end(shell: Shell, keys: Keys, project: str) -> None:
    shell.good("contract", "2.1", key=keys.implementer)
    done = []
    for by in ("implementer", "implementer", "implementer", "other", "other", "orchestrator"):
        (found,) = shell.good("waiting")["data"]
        done.append(found["needs"]["action"])
        shell.good(*found["needs"]["command"].split()[1:], key=getattr(keys, by))
    assert done == ["claim", "start", "request_review", "report", "review_complete", "verify"]
    assert shell.good("waiting", "--role", "orchestrator")["data"] == []


def test_a_verification_takes_what_the_review_said(shell: Shell, keys: Keys, project: str) -> None:
    reported(shell, keys)
    said = ("--review-type", "adversarial", "--summary", "Sound", "--findings", "2", "--fixes", "2")
    shell.good("review-complete", "2.1", *said, key=keys.other)
    id_ = shell.good("verify", "2.1", key=keys.orchestrator)["story"]["id"]
    (verification,) = shell.good("api", "GET", f"stories/{id_}/verifications")["data"]
    assert (verification["review_type"], verification["summary"]) == ("adversarial", "Sound")


def test_a_verification_after_a_review_of_few_words_says_what_was_counted(
    shell: Shell, keys: Keys, project: str
) -> None:
    """Went red while such a review was refused for its type, and then the verification for its summary."""
    id_ = reported(shell, keys)
    shell.good("api", "POST", f"stories/{id_}/review-complete", "--data", "{}", key=keys.other)
    shell.good("verify", "2.1", key=keys.orchestrator)
    (verification,) = shell.good("api", "GET", f"stories/{id_}/verifications")["data"]
    said = (verification["review_type"], verification["summary"])
    assert said == ("unspecified", "0 findings, 0 fixed, 0 disproved")


def test_rejected_work_comes_again(shell: Shell, keys: Keys, project: str) -> None:
    reported(shell, keys)
    rejected = shell.good("reject", "2.1", "--reason", "Missing tests", key=keys.orchestrator)
    assert rejected["story"]["verified_status"] == "rejected"
    assert "2.1" in [story["number"] for story in shell.good("next")["data"]]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("report", "2.1"), "self_report_blocked"),
        (("review-complete", "2.1", "--summary", "Fine"), "self_review_blocked"),
    ],
)
def test_nobody_confirms_its_own_work(
    shell: Shell, keys: Keys, project: str, arguments: tuple[str, ...], code: str
) -> None:
    (implemented if arguments[0] == "report" else reported)(shell, keys)
    said = shell(*arguments, key=keys.implementer)
    assert (said.code, said.error()["error"]["code"]) == (5, code)


def test_an_implementer_that_reports_is_told_what_to_do(shell: Shell, keys: Keys, project: str) -> None:
    implemented(shell, keys)
    assert "loopctl request-review 2.1" in shell("report", "2.1", key=keys.implementer).error()["hint"]


def test_a_contract_shows_the_criteria(shell: Shell, keys: Keys, project: str) -> None:
    said = shell("contract", "2.1", key=keys.implementer)
    assert said.err.splitlines()[:3] == [
        "Story: Story 1", "Acceptance Criteria: 1", "  AC-1  The old key works for an hour",
    ]  # fmt: skip


def test_the_best_ready_story_is_claimed_in_one_step(shell: Shell, keys: Keys, project: str) -> None:
    claimed = shell.good("claim", "--next", "--lease-seconds", "60", key=keys.implementer)
    assert (claimed["story"]["number"], "expires_at" in claimed["lease"]) == ("2.1", True)
    renewed = shell.good("heartbeat", "2.1", "--lease-seconds", "600")
    assert renewed["lease"]["expires_at"] > claimed["lease"]["expires_at"]


def test_when_nothing_is_ready_the_conflict_is_told(shell: Shell, keys: Keys, project: str) -> None:
    for _ in range(2):
        shell.good("claim", "--next", key=keys.implementer)
    said = shell("claim", "--next")
    assert (said.code, "loopctl blocked" in said.error()["hint"]) == (5, True)


def test_a_story_is_given_back_and_taken_back(shell: Shell, keys: Keys, project: str) -> None:
    shell.good("claim", "--next", key=keys.implementer)
    assert shell.good("unclaim", "2.1")["story"]["agent_status"] == "pending"
    shell.good("claim", "--next")
    taken = shell.good("unclaim", "2.1", "--force", "--reason", "Too slow", key=keys.orchestrator)
    assert taken["story"]["agent_status"] == "pending"


def test_what_waits_says_for_what(shell: Shell, keys: Keys, project: str) -> None:
    (blocked,) = shell.good("blocked")["data"]
    assert blocked["story"]["number"] == "2.3"
    assert "2.1 (unverified)" in shell("blocked", "--format", "human").out


def test_work_from_before_is_backfilled(shell: Shell, keys: Keys, project: str) -> None:
    said = shell.good("backfill", "2.2", "--reason", "Shipped last year", "--pr-number", "7")
    assert said["story"]["verified_status"] == "verified"


def test_what_was_reported_keeps_every_member_of_its_artifact(shell: Shell, keys: Keys, project: str) -> None:
    implemented(shell, keys)
    artifact = '{"artifact_type": "commit_diff", "path": "a.patch", "files": 3}'
    id_ = shell.good("report", "2.1", "--artifact", artifact, key=keys.other)["story"]["id"]
    (found,) = shell.good("api", "GET", f"stories/{id_}/artifacts")["data"]
    assert (found["path"], found["details"]) == ("a.patch", {"files": 3})


def test_waiting_ends_when_it_is_so_and_gives_up_in_time(shell: Shell, project: str) -> None:
    assert shell.good("wait", "2.1", "--until", "pending")["story"]["number"] == "2.1"
    assert shell("wait", "2.1", "--timeout", "0").code == 9
    assert shell("wait", "--timeout", "0").code == 9
