"""The others' steps: report, review-complete, verify, reject, backfill."""

from dataclasses import dataclass
from typing import Any

from cyclopts import Parameter

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import story_id
from loopctl.cli.options import ANYWHERE, JsonText, Scope
from loopctl.cli.reading import json_argument
from loopctl.cli.reviewed import as_reviewed
from loopctl.cli.session import session
from loopctl.cli.settings import CONFIRMING, JUDGING, PLANNING, REVIEWING
from loopctl.cli.stepping import said
from loopctl.cli.vocabulary import RESULTS, one_of

JsonObject = JsonText | None


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Counts:
    """Of a review.

    Parameters
    ----------
    findings
        How many; each of them was fixed or disproved.
    """

    findings: int = 0
    fixes: int = 0
    disproved: int = 0


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Judged:
    """Of a verification.

    Parameters
    ----------
    findings
        A JSON object; @FILE reads a file, - standard input.
    """

    review_type: str | None = None
    findings: JsonObject = None
    commit_sha: str | None = None


NONE_FOUND, AS_REVIEWED = Counts(), Judged()


def report(
    story: str, /, *, artifact: JsonObject = None, token_usage: JsonObject = None, scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Report the work as done. Not by its implementer, who asks with `request-review`.

    Parameters
    ----------
    artifact
        What was made, as a JSON object: artifact_type, path, exists, details. @FILE reads a file, - standard input;
        so for every JSON object.
    token_usage
        What it cost, as a JSON object: model_name, input_tokens, output_tokens, cost_millicents.
    """
    body = said(
        artifact=_artifact(json_argument("--artifact", artifact)),
        token_usage=json_argument("--token-usage", token_usage),
    )
    with session(scope, CONFIRMING) as asked:
        asked.step(story, scope.project, "report", body)
        asked.output.note(f"Next, by another agent: loopctl review-complete {story} --review-type TYPE --summary TEXT")


def review_complete(
    story: str, /, *, review_type: str = "review", summary: str | None = None, counts: Counts = NONE_FOUND,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Record a completed review. Not by the implementer.

    Parameters
    ----------
    review_type
        What kind of review it was.
    summary
        What it found.
    """
    body = said(
        review_type=review_type,
        summary=summary,
        findings_count=counts.findings,
        fixes_count=counts.fixes,
        disproved_count=counts.disproved,
    )
    with session(scope, REVIEWING) as asked:
        asked.step(story, scope.project, "review-complete", body)
        asked.output.note(f"Next, by an orchestrator: loopctl verify {story}, or: loopctl reject {story} --reason TEXT")


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Ran:
    """Of a verification run.

    Parameters
    ----------
    commit_sha
        What was run.
    runner_type
        Where: ci_github, ci_gitlab, fly_machine or manual.
    ac_results
        A JSON object: by the id of a criterion pass, fail, error or skipped; @FILE reads a file, - standard input.
    """

    commit_sha: str
    runner_type: str | None = None
    logs_url: str | None = None
    ac_results: JsonObject = None


def report_run(story: str, /, *, status: str, ran: Ran, scope: Scope = ANYWHERE) -> None:
    """Report what was found by running the reported work. It verifies nothing, and may be wanted first.

    Parameters
    ----------
    status
        pass, fail or error.
    """
    body = said(
        status=status,
        commit_sha=ran.commit_sha,
        runner_type=ran.runner_type,
        logs_url=ran.logs_url,
        ac_results=json_argument("--ac-results", ran.ac_results),
    )
    with session(scope, JUDGING) as asked:
        asked.step(story, scope.project, "verification-runs", body)


def verify(
    story: str, /, *, result: str = "pass", summary: str | None = None, judged: Judged = AS_REVIEWED,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Confirm the work, after a review of it. Review type and summary are the review's when they are not said.

    Parameters
    ----------
    result
        pass or partial. A failure is not verified but rejected.
    """
    one_of("--result", result, RESULTS, f"A failure: loopctl reject {story} --reason TEXT")
    found = json_argument("--findings", judged.findings)
    with session(scope, JUDGING) as asked:
        id_ = story_id(asked, story, scope.project)
        review_type, summary = as_reviewed(asked, id_, judged.review_type, summary)
        body = said(
            result=result, summary=summary, review_type=review_type, commit_sha=judged.commit_sha,
            findings=found,
        )  # fmt: skip
        asked.step(id_, None, "verify", body)


def reject(
    story: str, /, *, reason: str | None = None, findings: JsonObject = None, review_type: str | None = None,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Refuse the work, with a reason: the story comes again.

    Parameters
    ----------
    reason
        What has to be done better. Needed.
    findings
        A JSON object; @FILE reads a file, - standard input.
    """
    if not (reason or "").strip():
        raise Stop(Exit.USAGE, "Why is it rejected?", f'loopctl reject {story} --reason "what has to be better"')
    body = said(reason=reason, findings=json_argument("--findings", findings), review_type=review_type)
    with session(scope, JUDGING) as asked:
        asked.step(story, scope.project, "reject", body)


def backfill(
    story: str, /, *, reason: str, evidence_url: str | None = None, pr_number: int | None = None,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Mark work as verified that was done before loopctl.

    Parameters
    ----------
    reason
        How it is known that it was done.
    """
    with session(scope, PLANNING) as asked:
        body = said(reason=reason, evidence_url=evidence_url, pr_number=pr_number)
        asked.step(story, scope.project, "backfill", body)


def _artifact(said_: dict[str, Any] | None) -> dict[str, Any] | None:
    """Members that have no place of their own are details."""
    if said_ is None:
        return None
    places = ("artifact_type", "path", "exists", "details")
    rest = {name: value for name, value in said_.items() if name not in places}
    kept = {name: said_[name] for name in places if name in said_}
    return {**kept, "details": {**rest, **(kept.get("details") or {})}} if rest else kept
