"""Why a story stands still, and what is needed from whom. Of which story, projections/queries/waiting.py says.

A story that is neither verified nor in a queue (ready, blocked) is either held under a lease, which ends by itself, or
waits for exactly one of these.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Why = Literal[
    "contracted", "not_started", "review_not_requested", "holder_gone", "not_reported", "not_reviewed",
    "author_unknown", "criteria_changed", "verifier_not_drawn", "run_missing", "evidence_missing",
    "not_verified", "rejected_not_reset",
]  # fmt: skip
NeededRole = Literal["agent", "orchestrator"]


class Need(Struct, frozen=True):
    """``command`` of the command line, with the story in the place of {}."""

    role: NeededRole
    action: str
    command: str
    explanation: str


NEEDS: Mapping[Why, Need] = {
    "contracted": Need(
        "agent", "claim", "claim {}",
        "It is contracted and nobody has claimed it: any agent may claim it, or an orchestrator takes it back.",
    ),
    "not_started": Need(
        "agent", "start", "start {}",
        "It is claimed without a lease and not started: its holder starts it, or gives it back.",
    ),
    "review_not_requested": Need(
        "agent", "request_review", "request-review {}",
        "It is being implemented without a lease: its holder goes on and asks for a review, or gives it back.",
    ),
    "holder_gone": Need(
        "orchestrator", "force_unclaim", "unclaim {} --force",
        "Its holder is deactivated or has no key any more, and the claim has no lease that would end it.",
    ),
    "not_reported": Need(
        "agent", "report", "report {}", "A review was asked for: another agent than its implementer reports it as done."
    ),
    "not_reviewed": Need(
        "agent", "review_complete", "review-complete {}",
        "It is reported as done and not reviewed: another agent than its implementer reviews it.",
    ),
    "author_unknown": Need(
        "orchestrator", "reject", "reject {} --reason 'The author is not recorded'",
        "The log does not say who did this work, so nobody can show that it is not their own: it is to be rejected.",
    ),
    "criteria_changed": Need(
        "orchestrator", "reject", "reject {} --reason 'Title or criteria have changed'",
        "Its title or criteria have changed since the contract, so that it cannot be verified: it is to be rejected.",
    ),
    "verifier_not_drawn": Need(
        "orchestrator", "draw_verifier", "draw-verifier {}",
        "Only a drawn verifier may verify here, and none is drawn whose dispatch is live. Where there was nobody "
        "to draw, dispatch another orchestrator first.",
    ),
    "run_missing": Need(
        "orchestrator", "report_run", "report-run {} --status pass --commit-sha SHA",
        "A passing run of this report is wanted before anybody verifies: report what running the work has found.",
    ),
    "evidence_missing": Need(
        "orchestrator", "post_evidence", "ci report {} --junit FILE --commit SHA",
        "Passing evidence of tests is wanted before anybody verifies: from the project's CI, or where any evidence is "
        "enough from another agent than its implementer.",
    ),
    "not_verified": Need(
        "orchestrator", "verify", "verify {}",
        "It is reviewed: an orchestrator that is not its implementer verifies or rejects it.",
    ),
    "rejected_not_reset": Need(
        "orchestrator", "force_unclaim", "unclaim {} --force",
        "It was rejected and not reset: it is taken back to be done anew. Where the work was mended in its place, "
        "another agent than its implementer reports it again.",
    ),
}  # fmt: skip
