"""Exit codes of every command (spec 04, section 9), and errors that say the next command."""

from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    """Unexpected, or the server cannot be reached."""
    USAGE = 2
    """Wrong usage, or a name that fits several things."""
    DENIED = 3
    """401, 403."""
    MISSING = 4
    """404."""
    CONFLICT = 5
    """409, 412, 428."""
    INVALID = 6
    """400, 422 and every other 4xx."""
    LIMITED = 7
    """429."""
    UNAVAILABLE = 8
    """5xx."""
    WAITED = 9
    """`wait` gave up."""
    BAD = 10
    """`log` and `doctor`: something is wrong with what was checked."""
    INTERRUPTED = 130
    """Ctrl-C."""


EXPLAINED = (
    "Exit codes: 0 done, 1 failed or unreachable, 2 wrong usage or ambiguous, 3 denied (401, 403), 4 not found, "
    "5 conflict (409, 412), 6 invalid (400, 422), 7 rate limited, 8 server unavailable (5xx), 9 waited in vain, "
    "10 a check found something bad, 130 interrupted (Ctrl-C)."
)


class Stop(Exception):
    """A command ends here. ``hint`` says what to do next."""

    def __init__(self, exit_code: Exit, message: str, hint: str = "", **facts: Any) -> None:
        self.exit_code = exit_code
        self.message = message
        self.hint = hint
        self.facts = facts
        super().__init__(message)


def exit_of(status: int) -> Exit:
    """Of an HTTP status that is no success."""
    match status:
        case 401 | 403:
            return Exit.DENIED
        case 404 | 410:
            return Exit.MISSING
        case 409 | 412 | 428:
            return Exit.CONFLICT
        case 429:
            return Exit.LIMITED
        case _ if status >= 500:
            return Exit.UNAVAILABLE
        case _:
            return Exit.INVALID


HINTS = {
    "unauthorized": "Log in: loopctl auth login --server URL --key KEY",
    "invalid_api_key": "Log in with another key: loopctl auth login --server URL --key KEY",
    "insufficient_role": "See which key this is: loopctl auth whoami. Another one: LOOPCTL_API_KEY=… loopctl …",
    "agent_identity_required": "Register an agent with this key: loopctl agent register --name NAME --type implementer",
    "orchestrator_agent_required": "Its agent: loopctl agent register --name NAME --type orchestrator, "
    "then its key: loopctl keys create --name NAME --role orchestrator --agent ID (a user's key)",
    "not_built": "What this server does: loopctl api GET routes",
    "must_contract_first": "First: loopctl contract {story}",
    "must_claim_first": "First: loopctl claim {story}",
    "dependencies_not_met": "See what it waits for: loopctl blocked",
    "nothing_ready": "See what everything waits for: loopctl blocked; what waits for a check: loopctl pending",
    "self_report_blocked": "The implementer asks instead: loopctl request-review {story}; somebody else reports",
    "self_review_blocked": "Somebody else has to review it, with the key of another agent",
    "self_verify_blocked": "Somebody else has to verify it, with the key of another agent",
    "distinct_verifier_required": "Who reviewed or reported it cannot verify it: use the key of another agent",
    "story_not_reported_done": "Somebody else than its implementer first: loopctl report {story}",
    "review_required": "First, by another agent: loopctl review-complete {story} --review-type TYPE --summary TEXT",
    "review_not_conducted": "First, by another agent: loopctl review-complete {story} --review-type TYPE --summary …",
    "verification_run_required": "Whoever runs the work: loopctl report-run {story} --status pass --commit-sha SHA",
    "evidence_required": "A CI posts it: loopctl ci report --junit FILE. See: loopctl story evidence {story}",
    "ci_not_trusted": "A user says what is trusted: loopctl api PUT projects/SLUG/ci-trust (docs/ci.md)",
    "import_conflict": "To add to what is there: loopctl import … --merge",
    "version_conflict": "See what is stored: loopctl state load",
    "lease_lost": "The claim has ended; begin again: loopctl contract {story}",
    "tenant_halted": "Custody of the tenant is halted; a person has to look. Nothing is tried again.",
}
"""By the code of the error. ``{story}`` is what was typed."""
