"""The others' steps: report, review-complete, verify, reject, backfill."""

from typing import Annotated, Any

from cyclopts import Parameter
from msgspec import MsgspecError
from msgspec.json import decode

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import story_id
from loopctl.cli.options import PLAIN, Common, Project
from loopctl.cli.session import Session, session
from loopctl.cli.stepping import said, step

JsonObject = Annotated[str | None, Parameter()]


def report(
    story: str, /, *, artifact: JsonObject = None, token_usage: JsonObject = None, project: Project = None,
    common: Common = PLAIN,
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
    with session(common, "orchestrator") as asked:
        step(asked, story, project, "report", body)
        asked.output.note(f"Next, by another agent: loopctl review-complete {story} --review-type TYPE --summary TEXT")


def review_complete(
    story: str, /, *, review_type: str = "review", summary: str | None = None, findings: int = 0, fixes: int = 0,
    disproved: int = 0, project: Project = None, common: Common = PLAIN,
) -> None:  # fmt: skip
    """Record a completed review. Not by the implementer.

    Parameters
    ----------
    review_type
        What kind of review it was.
    summary
        What it found.
    findings
        How many; each was fixed or disproved.
    """
    body = said(
        review_type=review_type, summary=summary, findings_count=findings, fixes_count=fixes, disproved_count=disproved
    )
    with session(common, "orchestrator") as asked:
        step(asked, story, project, "review-complete", body)
        asked.output.note(f"Next, by an orchestrator: loopctl verify {story}, or: loopctl reject {story} --reason TEXT")


def verify(
    story: str, /, *, result: str = "pass", summary: str | None = None, review_type: str | None = None,
    findings: JsonObject = None, commit_sha: str | None = None, project: Project = None, common: Common = PLAIN,
) -> None:  # fmt: skip
    """Confirm the work, after a review of it. Review type and summary are the review's when they are not said.

    Parameters
    ----------
    result
        pass or partial. A failure is not verified but rejected.
    findings
        A JSON object.
    """
    if result not in ("pass", "partial"):
        hint = f"loopctl reject {story} --reason TEXT" if result == "fail" else ""
        raise Stop(Exit.USAGE, f"--result is pass or partial, not {result}.", hint)
    with session(common, "orchestrator") as asked:
        id_ = story_id(asked, story, project)
        if not (summary or "").strip() or not review_type:
            latest = _latest_review(asked, id_)
            review_type, summary = review_type or latest.get("review_type"), summary or latest.get("summary")
        body = said(
            result=result, summary=summary, review_type=review_type, findings=json_object("--findings", findings),
            commit_sha=commit_sha,
        )  # fmt: skip
        step(asked, id_, None, "verify", body)


def reject(
    story: str, /, *, reason: str | None = None, findings: JsonObject = None, review_type: str | None = None,
    project: Project = None, common: Common = PLAIN,
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
    with session(common, "orchestrator") as asked:
        step(asked, story, project, "reject", body)


def backfill(
    story: str, /, *, reason: str, evidence_url: str | None = None, pr_number: int | None = None,
    project: Project = None, common: Common = PLAIN,
) -> None:  # fmt: skip
    """Mark work as verified that was done before loopctl.

    Parameters
    ----------
    reason
        How it is known that it was done.
    """
    with session(common) as asked:
        body = said(reason=reason, evidence_url=evidence_url, pr_number=pr_number)
        step(asked, story, project, "backfill", body)


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
