"""What a verification says where nothing is said: what the latest review said."""

from typing import Any

from loopctl.cli.asked import Asked


def as_reviewed(
    asked: Asked, story: str, review_type: str | None, summary: str | None
) -> tuple[str | None, str | None]:
    """Type and summary of a verification: what is not said is the latest review's."""
    if (summary or "").strip() and review_type:
        return review_type, summary
    latest = _latest_review(asked, story)
    return review_type or latest.get("review_type"), summary or _summary(latest)


def _summary(review: dict[str, Any]) -> str | None:
    """What the reviewer said; of one who said nothing, what was counted."""
    if not review:
        return None
    counts = "{findings_count} findings, {fixes_count} fixed, {disproved_count} disproved".format_map(review)
    return str(review.get("summary") or "").strip() or counts


def _latest_review(asked: Asked, story: str) -> dict[str, Any]:
    """Nothing when there is none: the server says what is missing."""
    reviews = list(asked.client.pages(f"stories/{story}/reviews"))
    return max(reviews, key=lambda review: review["completed_at"], default={})
