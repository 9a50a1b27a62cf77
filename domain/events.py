"""Every event there is, by the kind of the streams that it happens in. A log that holds another one is newer than this
code."""

from collections.abc import Callable, Mapping
from typing import Any

from domain.agent import AGENT_EVENTS
from domain.authenticator import AUTHENTICATOR_EVENTS
from domain.capability import CAPABILITY_EVENTS
from domain.ci_trust import CI_TRUST_EVENTS
from domain.dependency import EPIC_DEPENDENCY_EVENTS, STORY_DEPENDENCY_EVENTS
from domain.dispatch import DISPATCH_EVENTS
from domain.epic import EPIC_EVENTS
from domain.erasure import ERASURE_EVENTS
from domain.event import Event, Events
from domain.key import API_KEY_EVENTS
from domain.knowledge.events import ARTICLE_EVENTS, ARTICLE_LINK_EVENTS
from domain.knowledge.ingestion import INGESTION_EVENTS
from domain.lifecycle.events import ARTIFACT_EVENTS, STORY_EVENTS
from domain.log_key import LogEvent
from domain.observation import OBSERVATION_EVENTS
from domain.orchestrator_state import ORCHESTRATOR_STATE_EVENTS
from domain.project import PROJECT_EVENTS, ProjectCreated, metadata_as_text
from domain.purpose_key import PURPOSE_KEY_EVENTS
from domain.recovery import RECOVERY_EVENTS
from domain.skill import SKILL_EVENTS, SKILL_VERSION_EVENTS
from domain.skill_import import SKILL_IMPORT_EVENTS
from domain.skill_regression import SKILL_REGRESSION_EVENTS
from domain.skill_result import SKILL_RESULT_EVENTS
from domain.state_digest import STATE_DIGEST_EVENTS
from domain.tenant import TenantEvent
from domain.ui_test_run import UI_TEST_RUN_EVENTS
from domain.usage.anomaly import COST_ANOMALY_EVENTS
from domain.usage.archival import TOKEN_DATA_EVENTS
from domain.usage.budget import TOKEN_BUDGET_EVENTS
from domain.usage.events import TOKEN_USAGE_EVENTS
from domain.usage.metered import METERED_USAGE_EVENTS
from domain.violator import VIOLATOR_EVENTS
from domain.webhook import WEBHOOK_EVENTS

STREAMS: Mapping[str, Events[Any]] = {
    "tenant": Events[TenantEvent | LogEvent](TenantEvent | LogEvent),
    "api_key": API_KEY_EVENTS,
    "agent": AGENT_EVENTS,
    "authenticator": AUTHENTICATOR_EVENTS,
    "dispatch": DISPATCH_EVENTS,
    "capability": CAPABILITY_EVENTS,
    "purpose_key": PURPOSE_KEY_EVENTS,
    "recovery": RECOVERY_EVENTS,
    "violator": VIOLATOR_EVENTS,
    "projection": STATE_DIGEST_EVENTS,
    "payload": ERASURE_EVENTS,
    "project": PROJECT_EVENTS,
    "ci_trust": CI_TRUST_EVENTS,
    "epic": EPIC_EVENTS,
    "story_dependency": STORY_DEPENDENCY_EVENTS,
    "epic_dependency": EPIC_DEPENDENCY_EVENTS,
    "story": STORY_EVENTS,
    "artifact_report": ARTIFACT_EVENTS,
    "token_usage_report": TOKEN_USAGE_EVENTS,
    "token_budget": TOKEN_BUDGET_EVENTS,
    "cost_anomaly": COST_ANOMALY_EVENTS,
    "token_data": TOKEN_DATA_EVENTS,
    "metered_usage": METERED_USAGE_EVENTS,
    "audit": OBSERVATION_EVENTS,
    "orchestrator_state": ORCHESTRATOR_STATE_EVENTS,
    "webhook": WEBHOOK_EVENTS,
    "ui_test_run": UI_TEST_RUN_EVENTS,
    "skill": SKILL_EVENTS,
    "skill_version": SKILL_VERSION_EVENTS,
    "skill_import": SKILL_IMPORT_EVENTS,
    "skill_result": SKILL_RESULT_EVENTS,
    "skill_regression": SKILL_REGRESSION_EVENTS,
    "article": ARTICLE_EVENTS,
    "article_link": ARTICLE_LINK_EVENTS,
    "ingestion": INGESTION_EVENTS,
}

EVENTS: tuple[type[Event], ...] = tuple(kind for events in STREAMS.values() for kind in events.types)

UPCASTERS: Mapping[str, Callable[[dict[str, object]], dict[str, object]]] = {
    ProjectCreated.TAG: metadata_as_text,
}
"""By tag: old data to what the Struct of today reads. Data of today must pass through unchanged.

A field that was added with a default needs none.
"""
