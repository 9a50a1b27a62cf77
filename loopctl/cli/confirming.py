"""The others' steps: report, review-complete, verify, reject, backfill."""

from dataclasses import dataclass
from typing import Any

from cyclopts import Parameter
from msgspec import MsgspecError
from msgspec.json import decode

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import story_id
from loopctl.cli.options import ANYWHERE, Scope
from loopctl.cli.session import Session, session
from loopctl.cli.stepping import said, step

JsonObject = str | None
"""As it was typed."""


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
        A JSON object.
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
        What was made, as a JSON object: artifact_type, path, exists, details.
    token_usage
        What it cost, as a JSON object: model_name, input_tokens, output_tokens, cost_millicents.
    """
    body = said(
        artifact=_artifact(json_object("--artifact", artifact)), token_usage=json_object("--token-usage", token_usage)
    )
    with session(scope, "orchestrator") as asked:
        step(asked, story, scope.project, "report", body)
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
    with session(scope, "orchestrator") as asked:
        step(asked, story, scope.project, "review-complete", body)
        asked.output.note(f"Next, by an orchestrator: loopctl verify {story}, or: loopctl reject {story} --reason TEXT")


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
    if result not in ("pass", "partial"):
        hint = f"loopctl reject {story} --reason TEXT" if result == "fail" else ""
        raise Stop(Exit.USAGE, f"--result is pass or partial, not {result}.", hint)
    with session(scope, "orchestrator") as asked:
        id_ = story_id(asked, story, scope.project)
        review_type = judged.review_type
        if not (summary or "").strip() or not review_type:
            latest = _latest_review(asked, id_)
            review_type, summary = review_type or latest.get("review_type"), summary or latest.get("summary")
        body = said(
            result=result, summary=summary, review_type=review_type, commit_sha=judged.commit_sha,
            findings=json_object("--findings", judged.findings),
        )  # fmt: skip
        step(asked, id_, None, "verify", body)


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
        A JSON object.
    """
    if not (reason or "").strip():
        raise Stop(Exit.USAGE, "Why is it rejected?", f'loopctl reject {story} --reason "what has to be better"')
    body = said(reason=reason, findings=json_object("--findings", findings), review_type=review_type)
    with session(scope, "orchestrator") as asked:
        step(asked, story, scope.project, "reject", body)


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
    with session(scope) as asked:
        body = said(reason=reason, evidence_url=evidence_url, pr_number=pr_number)
        step(asked, story, scope.project, "backfill", body)


def json_object(option: str, text: str | None) -> dict[str, Any] | None:
    """Raises Stop for what is none, so that nothing is sent."""
    if text is None:
        return None
    try:
        found = decode(text)
    except MsgspecError as error:
        raise Stop(Exit.USAGE, f"{option} is no JSON: {error}.", "Put it into single quotes.") from None
    if not isinstance(found, dict):
        raise Stop(Exit.USAGE, f"{option} is no JSON object.", "Put it into single quotes.")
    return found


def _artifact(said_: dict[str, Any] | None) -> dict[str, Any] | None:
    """Members that have no place of their own are details."""
    if said_ is None:
        return None
    places = ("artifact_type", "path", "exists", "details")
    rest = {name: value for name, value in said_.items() if name not in places}
    kept = {name: said_[name] for name in places if name in said_}
    return {**kept, "details": {**rest, **(kept.get("details") or {})}} if rest else kept


def _latest_review(asked: Session, story: str) -> dict[str, Any]:
    """Nothing when there is none: the server says what is missing."""
    reviews = list(asked.client.pages(f"stories/{story}/reviews"))
    return max(reviews, key=lambda review: review["completed_at"], default={})
