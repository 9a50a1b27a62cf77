"""The read models that are written in the transaction of their events: what a caller reads back at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections import look_up, moves, work_breakdown
from projections.facts.budgets import BLOCKING_BUDGETS, BUDGETS_OF_SCOPE
from projections.facts.contents import CONTENTS
from projections.facts.dependency_check import EDGE_SURROUNDINGS
from projections.facts.epic_standing import EPIC_STANDING
from projections.facts.erasable import ERASABLE
from projections.facts.import_contents import IMPORT_CONTENTS
from projections.facts.last_digest import LAST_DIGEST
from projections.facts.last_evidence import LAST_EVIDENCE, PROJECT_EVIDENCE, TOKEN_EVIDENCE
from projections.facts.last_run import LAST_RUN
from projections.facts.log_key import NEWEST_LOG_KEY
from projections.facts.prerequisites import PREREQUISITES
from projections.facts.taken import FACTS
from projections.facts.ties import STORY_TIES
from projections.facts.usage import NET_USAGE, SAME_SESSION, SPENDING
from projections.facts.user_keys import USER_KEYS
from projections.rows import (
    audit_index,
    capabilities,
    cost_anomalies,
    custody_records,
    dispatches,
    erasures,
    evidence,
    metered_usage,
    orchestrator_states,
    seed_chains,
    skill_results,
    token_usage,
    ui_test_runs,
    verification_runs,
    violators,
    webhook_deliveries,
)
from projections.rows.agents import AGENT_NAME, AGENTS, COSIGNER_KEY
from projections.rows.articles import ARTICLE_LINKS, ARTICLES, SLUG_HOLDER, TITLE_HOLDER
from projections.rows.authenticators import ALL_AUTHENTICATORS, AUTHENTICATORS
from projections.rows.capabilities import CAPABILITIES
from projections.rows.challenges import CHALLENGES
from projections.rows.ci_trusts import CI_TRUSTS
from projections.rows.cost_anomalies import ANOMALIES, ARCHIVALS, OPEN_ANOMALY
from projections.rows.dispatches import DISPATCHES, LIVE, POOL
from projections.rows.entity import Entity, EntityModel
from projections.rows.epics import EPICS
from projections.rows.ingestions import EARLIER_INGESTION, INGESTIONS
from projections.rows.keys import KEYS, KEYS_OF_AGENT, UNREVOKED_KEYS
from projections.rows.orchestrator_states import ORCHESTRATOR_STATES
from projections.rows.projects import PROJECTS
from projections.rows.recoveries import RECOVERIES
from projections.rows.seed_chains import SEED_CHAINS
from projections.rows.skill_regressions import SKILL_REGRESSIONS
from projections.rows.skill_results import SKILL_RESULTS, VERIFIED_STORY
from projections.rows.skills import NAMED_SKILL, NEWEST_VERSION, SKILL_VERSIONS, SKILLS
from projections.rows.stories import STORIES
from projections.rows.story_dependencies import EPIC_DEPENDENCIES, STORY_DEPENDENCIES
from projections.rows.story_flags import STORY_FLAGS
from projections.rows.story_texts import STORY_TEXTS
from projections.rows.tenants import TENANTS
from projections.rows.token_budgets import BUDGETS
from projections.rows.ui_test_runs import FINDINGS_OF_RUN, UI_TEST_RUNS
from projections.rows.webhooks import WEBHOOK_COUNT, WEBHOOKS


class Projection(Struct, frozen=True):
    """``tables`` in full, each in the order in which it is filled; ``apply`` takes in a run of events of one tenant, in
    a fixed number of statements."""

    name: str
    tables: tuple[str, ...]
    apply: Callable[[TenantTx, Sequence[Recorded]], Awaitable[object]]


PROJECTIONS = (
    Projection("tenant", ("app.tenant",), TENANTS.apply),
    Projection("api_key", ("app.api_key",), dispatches.apply_to_keys),
    Projection("dispatch", ("app.dispatch",), dispatches.apply),
    Projection("capability", ("app.capability",), capabilities.apply),
    Projection("seed_chain", ("app.seed_chain",), seed_chains.apply),
    Projection("agent", ("app.agent",), AGENTS.apply),
    Projection("authenticator", ("app.authenticator",), AUTHENTICATORS.apply),
    Projection("work_breakdown", work_breakdown.TABLES, work_breakdown.apply),
    Projection("custody_records", custody_records.TABLES, custody_records.apply),
    Projection("story_flag", ("app.story_flag",), STORY_FLAGS.apply),
    Projection("verification_run", verification_runs.TABLES, verification_runs.apply),
    Projection("ci_trust", ("app.ci_trust",), CI_TRUSTS.apply),
    Projection("evidence", evidence.TABLES, evidence.apply),
    Projection("token_usage", token_usage.TABLES, token_usage.apply),
    Projection("metered_usage", metered_usage.TABLES, metered_usage.apply),
    Projection("token_budget", ("app.token_budget",), BUDGETS.apply),
    Projection("cost_anomaly", ("app.cost_anomaly",), cost_anomalies.apply),
    Projection("token_data", ("app.token_data",), ARCHIVALS.apply),
    Projection("recovery", ("app.recovery",), RECOVERIES.apply),
    Projection("violator", violators.TABLES, violators.apply),
    Projection("orchestrator_state", orchestrator_states.TABLES, ORCHESTRATOR_STATES.apply),
    Projection("webhook", ("app.webhook",), WEBHOOKS.apply),
    Projection("ui_test_run", ui_test_runs.TABLES, ui_test_runs.apply),
    Projection("skill", ("app.skill",), SKILLS.apply),
    Projection("skill_version", ("app.skill_version",), SKILL_VERSIONS.apply),
    Projection("skill_regression", ("app.skill_regression",), SKILL_REGRESSIONS.apply),
    Projection("skill_result", skill_results.TABLES, skill_results.apply),
    Projection("article", ("app.article",), ARTICLES.apply),
    Projection("ingestion", ("app.ingestion",), INGESTIONS.apply),
    Projection("article_link", ("app.article_link",), ARTICLE_LINKS.apply),
    Projection("audit_index", audit_index.TABLES, audit_index.apply),
    Projection("erasure", (), erasures.apply),
)
INLINE = (*(projection.apply for projection in PROJECTIONS), webhook_deliveries.apply)
"""Deliveries are in no rebuild: what became of them is in no event."""

ENTITIES: Sequence[Entity[Any]] = (
    TENANTS,
    KEYS,
    DISPATCHES,
    CAPABILITIES,
    SEED_CHAINS,
    AGENTS,
    AUTHENTICATORS,
    PROJECTS,
    EPICS,
    STORIES,
    STORY_TEXTS,
    STORY_DEPENDENCIES,
    EPIC_DEPENDENCIES,
    ORCHESTRATOR_STATES,
    WEBHOOKS,
    UI_TEST_RUNS,
    SKILLS,
    SKILL_VERSIONS,
    SKILL_RESULTS,
    ARTICLES,
    ARTICLE_LINKS,
    INGESTIONS,
    token_usage.REPORTS,
    BUDGETS,
    ANOMALIES,
    ARCHIVALS,
    STORY_FLAGS,
    SKILL_REGRESSIONS,
    metered_usage.METERED_USAGE,
    violators.VIOLATORS,
    RECOVERIES,
    CI_TRUSTS,
)
_MODELS: Sequence[Model[Any, Any]] = (
    *map(EntityModel, ENTITIES),
    UNREVOKED_KEYS,
    EARLIER_INGESTION,
    LIVE,
    POOL,
    KEYS_OF_AGENT,
    AGENT_NAME,
    COSIGNER_KEY,
    ALL_AUTHENTICATORS,
    CHALLENGES,
    *FACTS,
    PREREQUISITES,
    WEBHOOK_COUNT,
    FINDINGS_OF_RUN,
    NAMED_SKILL,
    NEWEST_VERSION,
    VERIFIED_STORY,
    TITLE_HOLDER,
    SLUG_HOLDER,
    CONTENTS,
    STORY_TIES,
    EPIC_STANDING,
    LAST_RUN,
    LAST_EVIDENCE,
    PROJECT_EVIDENCE,
    TOKEN_EVIDENCE,
    LAST_DIGEST,
    ERASABLE,
    NEWEST_LOG_KEY,
    USER_KEYS,
    SPENDING,
    NET_USAGE,
    SAME_SESSION,
    BUDGETS_OF_SCOPE,
    BLOCKING_BUDGETS,
    OPEN_ANOMALY,
    metered_usage.METERED_MARKS,
    EDGE_SURROUNDINGS,
    IMPORT_CONTENTS,
)
MODELS: Mapping[str, Model[Any, Any]] = {model.name: model for model in _MODELS}
"""What decisions can need, by name."""


class Transitions:
    """The short way of batches that have nothing but transitions of stories."""

    models = frozenset(look_up.MODELS)
    look_up = staticmethod(look_up.look_up)
    fits = staticmethod(moves.fits)
    write = staticmethod(moves.write)


TRANSITIONS = Transitions()
