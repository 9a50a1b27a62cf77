"""Controls of the custody machine: what once let somebody confirm their own work, on again. Each must be found.

The control of the bulk path is in `bench.custody`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from uuid import UUID

from msgspec import UNSET, structs

import domain.key
import domain.story
from api import app
from api.api_keys.routes import create_api_key
from api.lifecycle import judges as judging
from bench import custody_tenant
from domain.capability import Right, check_right
from domain.criteria import CriterionFields
from domain.event import Recorded
from domain.importing import fields, plan
from domain.lifecycle import draw, evidence, evolve, identity, judges, refusals
from domain.lifecycle import implementer as working
from domain.lifecycle.checks import check_said
from domain.lifecycle.events import StoryClaimed, StoryMarkedComplete, StoryStarted
from domain.lifecycle.evidence import report_evidence
from domain.lifecycle.identity import Identity
from domain.story import Story, StoryImported, StoryText, create_story, update_story
from domain.tenant_settings import LineagePolicy, TenantSettings
from projections.rows import dispatches


@contextmanager
def replaced(module: ModuleType, name: str, instead: Any) -> Iterator[None]:
    original: Any = getattr(module, name)
    setattr(module, name, instead)
    try:
        yield
    finally:
        setattr(module, name, original)


def authors_forgotten() -> AbstractContextManager[None]:
    """Work that comes in as done has no author; of what is imported as reported, the key alone counts, by lineage."""

    def authored(recorded: Recorded, event: Any) -> dict[str, Any]:
        unverified = isinstance(event, StoryImported) and event.verified_status != "verified"
        return {"implementer_lineage": (UUID(recorded.actor[0].partition(":")[2]),)} if unverified else {}

    return replaced(evolve, "authored", authored)


def forgotten_by_rejection() -> AbstractContextManager[None]:
    """A rejection clears who did the work."""
    return replaced(evolve, "VOID", {**evolve.VOID, **evolve.NEW_ROUND})


def kept_by_rejection() -> AbstractContextManager[None]:
    """A rejection leaves the report and its review as they are."""
    return replaced(evolve, "VOID", {})


def gate_open() -> AbstractContextManager[None]:
    """The tenant's wish for a passing run is not looked at."""
    return replaced(judges, "check_passed", lambda *_: None)


def evidence_unasked() -> AbstractContextManager[None]:
    """The tenant's wish for evidence is not looked at where somebody verifies."""
    return replaced(judges, "check_evidence", lambda *_: None)


def evidence_of_before() -> AbstractContextManager[None]:
    """Evidence of an earlier round of the work counts on."""
    return replaced(evidence, "is_of_this_round", lambda *_: True)


def evidence_outlives_checks() -> AbstractContextManager[None]:
    """Evidence counts on when the checks of the criteria are changed."""
    return replaced(evidence, "changes_checks", lambda _: False)


def evidence_of_anybody() -> AbstractContextManager[None]:
    """Where a CI is wanted, any evidence counts."""
    original = evidence.check_evidence

    def check(story: Any, policy: Any, standing: Any, commit: Any) -> None:
        original(story, policy, structs.replace(standing, by_ci=standing.newest), commit)

    return replaced(judges, "check_evidence", check)


def evidence_of_ones_own() -> AbstractContextManager[None]:
    """Whoever did the work posts evidence of it."""
    return replaced(judges, "post_evidence", lambda story, text, _, __, posted: report_evidence(story, text, posted))


def done_before_without_evidence() -> AbstractContextManager[None]:
    """Work from before loopctl needs no evidence where evidence is wanted."""
    original = judges._check_untouched  # what is taken out for the control
    return replaced(judges, "_check_untouched", lambda story, _, action: original(story, TenantSettings(), action))


def imported_without_evidence() -> AbstractContextManager[None]:
    """The same of an import."""
    return replaced(plan, "wants_evidence", lambda _: False)


def verified_taken_back() -> AbstractContextManager[None]:
    """Force-unclaim does not look at whether the story is verified."""
    original = working.force_unclaim

    def force_unclaim(story: Story, *rest: Any) -> Any:
        return original(structs.replace(story, verified_status="unverified"), *rest)

    return replaced(working, "force_unclaim", force_unclaim)


def contracted_criteria_frozen() -> AbstractContextManager[None]:
    """Criteria of a verified story are frozen only while its contract stands."""

    def forgetful(story: Story, *rest: Any) -> Any:
        return update_story(structs.replace(story, touched=False, review_position=None), *rest)

    return replaced(custody_tenant, "update_story", forgetful)


def checks_unguarded() -> AbstractContextManager[None]:
    """Whoever did the work says how it is to be checked, also when it is verified; only findings are others' to say."""

    def unguarded(story: Story, who: Identity, policy: TenantSettings, fields: CriterionFields, changes: Any) -> None:
        if fields.status is not UNSET:
            check_said(story, who, policy, fields, changes)

    return replaced(custody_tenant, "check_said", unguarded)


def claims_forgotten() -> AbstractContextManager[None]:
    """Only whoever starts counts as having worked on a story that was given back."""
    original: Any = evolve._worked_on

    def worked_on(story: Story, recorded: Recorded, event: Any) -> dict[str, Any]:
        changes: dict[str, Any] = original(story, recorded, event)
        if isinstance(event, StoryClaimed):
            return {name: value for name, value in changes.items() if name not in evolve.NEW_ROUND}
        if isinstance(event, StoryStarted):
            changes["worked_agents"] = (*story.worked_agents, event.agent_id)
            changes["worked_lineages"] = (*story.worked_lineages, *story.implementer_lineage[-1:])
        return changes

    return replaced(evolve, "_worked_on", worked_on)


def provenance_written_by_clients() -> AbstractContextManager[None]:
    """What says that a story is from before loopctl is stored from create and update."""
    return replaced(domain.story, "_check_provenance", lambda *_: None)


@contextmanager
def provenance_imported() -> Iterator[None]:
    """And from import and merge, there alone."""

    def unchecked(decide: Callable[..., Any]) -> Callable[..., Any]:
        def decided(*arguments: Any) -> Any:
            with provenance_written_by_clients():
                return decide(*arguments)

        return decided

    with (
        replaced(fields, "_without_provenance", lambda metadata: metadata),
        replaced(plan, "create_story", unchecked(create_story)),
        replaced(plan, "update_story", unchecked(update_story)),
    ):
        yield


def mark_complete_unsaid() -> AbstractContextManager[None]:
    """Mark-complete leaves the metadata as they are."""

    def evolve_text(text: StoryText | None, recorded: Recorded) -> StoryText | None:
        return text if isinstance(recorded.event, StoryMarkedComplete) else evolve.evolve_text(text, recorded)

    return replaced(custody_tenant, "evolve_text", evolve_text)


@contextmanager
def backfilled_by_nobody() -> Iterator[None]:
    """An orchestrator's key without an agent backfills."""
    name = "need_answerable"
    with replaced(refusals, name, lambda _: None), replaced(judging, name, lambda _: None):
        yield


@contextmanager
def judged_by_any_agent() -> Iterator[None]:
    """An orchestrator's key judges whatever the type of its agent."""
    name, any_agent = "need_orchestrator", refusals.need_agent
    with replaced(refusals, name, any_agent), replaced(judging, name, any_agent):
        yield


def orchestrators_of_any_type() -> AbstractContextManager[None]:
    """An orchestrator's key is made for any agent, or for none."""
    return replaced(domain.key, "_check_agent", lambda *_: None)


@contextmanager
def keys_in_another_name() -> Iterator[None]:
    """Only over HTTP: a superadmin makes keys in a tenant's name, and with them what confirms work."""
    options: dict[str, Any] = create_api_key.opt
    options["custody"] = False
    app._routed.cache_clear()  # what a route asks for is read when it is put together
    try:
        yield
    finally:
        options["custody"] = True
        app._routed.cache_clear()


def relatives_by_key_alone() -> AbstractContextManager[None]:
    """Whoever the implementer has dispatched with another of its keys is a stranger to it."""
    original = identity.is_implementer

    def is_implementer(story: Story, who: Identity, policy: LineagePolicy) -> bool:
        return original(story, structs.replace(who, minters=()), policy)

    return replaced(judges, "is_implementer", is_implementer)


def lineage_forgotten() -> AbstractContextManager[None]:
    """Only the agent counts, whatever the tenant's policy says."""

    def is_implementer(story: Story, who: Identity, _: LineagePolicy) -> bool:
        return identity.is_implementer(story, who, "agent")

    return replaced(judges, "is_implementer", is_implementer)


def strict_as_ancestry() -> AbstractContextManager[None]:
    """A tenant that wants no relatives gets no more than the others."""

    def is_implementer(story: Story, who: Identity, policy: LineagePolicy) -> bool:
        return identity.is_implementer(story, who, "ancestry" if policy == "strict" else policy)

    return replaced(judges, "is_implementer", is_implementer)


@contextmanager
def _checked_by(check: Callable[..., None]) -> Iterator[None]:
    name = "check_right"
    with replaced(judges, name, check), replaced(working, name, check):
        yield


def no_capability_asked() -> AbstractContextManager[None]:
    """Whoever has none takes the step without."""

    def check(right: Right, *rest: Any) -> None:
        if right.presented is not None:
            check_right(right, *rest)

    return _checked_by(check)


def used_capabilities() -> AbstractContextManager[None]:
    """A capability that was used counts once more."""

    def check(right: Right, *rest: Any) -> None:
        slot = right.slot and structs.replace(right.slot, consumed_position=None)
        check_right(structs.replace(right, slot=slot), *rest)

    return _checked_by(check)


def capabilities_of_others() -> AbstractContextManager[None]:
    """A capability counts for whoever presents it."""

    def check(right: Right, action: str, who: Identity, since: int | None) -> None:
        slot = right.slot and structs.replace(right.slot, lineage=tuple(who.lineage))
        check_right(structs.replace(right, slot=slot), action, who, since)

    return _checked_by(check)


def expired_capabilities() -> AbstractContextManager[None]:
    """A capability counts for ever."""

    def check(right: Right, *rest: Any) -> None:
        slot = right.slot and structs.replace(right.slot, expires_at=datetime.max.replace(tzinfo=UTC))
        check_right(structs.replace(right, slot=slot), *rest)

    return _checked_by(check)


def anybody_for_the_drawn() -> AbstractContextManager[None]:
    """Who was drawn does not matter."""
    return replaced(judges, "check_drawn", lambda *_: None)


def workers_drawn() -> AbstractContextManager[None]:
    """A draw meets whoever did the work as well."""
    return replaced(draw, "_may_verify", lambda *_: True)


def keys_outlive_dispatches() -> AbstractContextManager[None]:
    """Only over HTTP: a revocation ends the dispatches, and their keys go on."""
    return replaced(dispatches, "END_KEYS", f"{dispatches.END_KEYS} AND false")


CONTROLS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "relatives by key alone": relatives_by_key_alone,
    "no capability asked for": no_capability_asked,
    "capabilities used twice": used_capabilities,
    "capabilities of others": capabilities_of_others,
    "anybody for the drawn one": anybody_for_the_drawn,
    "whoever did the work is drawn": workers_drawn,
    "capabilities for ever": expired_capabilities,
    "lineage counts for nothing": lineage_forgotten,
    "strict is ancestry": strict_as_ancestry,
    "no run where one is wanted": gate_open,
    "no author of what comes in as done": authors_forgotten,
    "a rejection forgets who did the work": forgotten_by_rejection,
    "a rejection keeps the review": kept_by_rejection,
    "force-unclaim of verified stories": verified_taken_back,
    "criteria are frozen by a contract alone": contracted_criteria_frozen,
    "checks that whoever did the work may choose": checks_unguarded,
    "who claims and does not start has done nothing": claims_forgotten,
    "provenance that clients write": provenance_written_by_clients,
    "provenance that comes in with an import": provenance_imported,
    "mark-complete that leaves no provenance": mark_complete_unsaid,
    "a backfill by nobody": backfilled_by_nobody,
    "agents of any type judge": judged_by_any_agent,
    "orchestrators' keys for any agent": orchestrators_of_any_type,
}

OF_EVIDENCE: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "no evidence where some is wanted": evidence_unasked,
    "evidence of an earlier round": evidence_of_before,
    "evidence under other checks": evidence_outlives_checks,
    "evidence of anybody for that of a CI": evidence_of_anybody,
    "evidence of one's own work": evidence_of_ones_own,
    "backfill where evidence is wanted": done_before_without_evidence,
    "import where evidence is wanted": imported_without_evidence,
}
"""Found among tenants that want evidence."""
