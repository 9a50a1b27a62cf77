"""What the server knows by a word of a list: a misspelt one is said before anything is asked."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Literal

from loopctl.cli.exits import Exit, Stop

Format = Literal["json", "human", "csv"]
FORMATS: tuple[Format, ...] = ("json", "human", "csv")
AgentStatus = Literal["pending", "contracted", "assigned", "implementing", "reported_done"]
VerifiedStatus = Literal["unverified", "verified", "rejected"]
Status = Literal[AgentStatus, VerifiedStatus]
AgentType = Literal["implementer", "orchestrator"]
KeyRole = Literal["agent", "orchestrator", "user"]
NeededRole = Literal["agent", "orchestrator"]
AnyRole = Literal[KeyRole, "superadmin"]
BudgetScope = Literal["per_story", "per_epic", "per_agent", "project", "epic", "story", "agent"]
Category = Literal["pattern", "convention", "decision", "finding", "reference"]
SourceType = Literal[
    "review_finding", "manual", "agent", "session_log", "newsletter", "skill", "web_article", "ingestion"
]
SearchMode = Literal["keyword", "semantic", "combined"]
RESULTS = ("pass", "partial")

ACTIONS: Mapping[str, str] = {
    "tenant": (
        "tenant_created tenant_updated tenant_suspended tenant_activated key_rotated audit_key_bootstrapped"
        " custody_halted halt_cleared custody_violation witness_suspect"
    ),
    "api_key": "created linked revoked rotated",
    "agent": "registered updated",
    "project": "created updated archived imported merge_imported",
    "ci_trust": "set removed",
    "epic": "created updated deleted completed",
    "story": (
        "created updated deleted imported revised status_changed review_requested review_completed verified"
        " rejected run_reported evidence_reported auto_reset force_unclaimed backfilled mark_complete criterion_updated"
        " lease_renewed lease_expired custody_violation verifier_drawn verifier_needed commented flagged_for_rereview"
    ),
    "story_dependency": "created deleted",
    "epic_dependency": "created deleted",
    "artifact_report": "created",
    "token_budget": "created deleted threshold_crossed updated",
    "cost_anomaly": "detected remeasured resolved reopened archived",
    "metered_usage": "recorded",
    "token_data_archival": "archival_run",
    "token_usage_report": "corrected created deleted",
    "orchestrator_state": "saved",
    "dispatch": "created revoked expired",
    "authenticator": "enrolled asserted removed renamed suspected",
    "capability": "minted picked_up consumed rejected",
    "purpose_key": "created",
    "violator": "resolved ignored",
    "webhook": "created updated deleted webhook_auto_disabled secret_rotated tested redelivered replayed",
    "ui_test_run": "ui_test.started ui_test.finding_added ui_test.completed ui_test.cancelled",
    "skill": "created updated",
    "skill_version": "created cost_regression_detected",
    "skill_import": "bulk_imported",
    "skill_result": "created",
    "article": (
        "article.created article.updated article.published article.unpublished article.archived article.superseded"
    ),
    "ingestion": "ingestion.requested knowledge.content_ingested",
    "article_link": "article_link.created article_link.deleted",
    "projection": "digested",
    "recovery": "opened seconded cancelled completed used",
    "payload": "erased",
    "session": "",
}
"""By the kind of what it happened to. What observers say is any observe.NAME."""
OBSERVED = "observe."
STEPS = "Contracted, claimed, started, reported and given back are all status_changed; new_state says which."


def check_action(entity_type: str | None, action: str | None) -> None:
    """Raises Stop for a kind that there is not, or what never happens to it."""
    if entity_type is not None:
        one_of("--entity-type", entity_type, ACTIONS)
    if action is None or action.startswith(OBSERVED):
        return
    known = [ACTIONS[entity_type]] if entity_type is not None else ACTIONS.values()
    one_of("--action", action, dict.fromkeys(f"{' '.join(known)} observe.NAME".split()), STEPS)


def one_of(what: str, said: str, known: Iterable[str], hint: str = "") -> None:
    """Raises Stop with the list, and with the word that was perhaps meant."""
    known = list(known)
    if said in known:
        return
    hints = filter(None, (nearest(said, known), hint))
    raise Stop(Exit.USAGE, f"{what} is one of {', '.join(known)}; not {said!r}.", " ".join(hints))


def nearest(said: str, known: Iterable[str]) -> str:
    """A question, or nothing."""
    close = get_close_matches(said.lower(), known, n=1)
    return f"Did you mean {close[0]}?" if close else ""
