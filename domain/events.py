"""Every event there is, by the kind of the streams that it happens in. A log that holds another one is newer than this
code."""

from collections.abc import Callable, Mapping
from typing import Any

from domain.agent import AGENT_EVENTS
from domain.dependency import EPIC_DEPENDENCY_EVENTS, STORY_DEPENDENCY_EVENTS
from domain.epic import EPIC_EVENTS
from domain.event import Event, Events
from domain.key import API_KEY_EVENTS
from domain.lifecycle.events import ARTIFACT_EVENTS, STORY_EVENTS
from domain.log_key import LOG_EVENTS
from domain.observation import OBSERVATION_EVENTS
from domain.orchestrator_state import ORCHESTRATOR_STATE_EVENTS
from domain.project import PROJECT_EVENTS, ProjectCreated, metadata_as_text
from domain.tenant import TENANT_EVENTS
from domain.usage import TOKEN_USAGE_EVENTS

STREAMS: Mapping[str, Events[Any]] = {
    "tenant": TENANT_EVENTS,
    "api_key": API_KEY_EVENTS,
    "agent": AGENT_EVENTS,
    "log": LOG_EVENTS,
    "project": PROJECT_EVENTS,
    "epic": EPIC_EVENTS,
    "story_dependency": STORY_DEPENDENCY_EVENTS,
    "epic_dependency": EPIC_DEPENDENCY_EVENTS,
    "story": STORY_EVENTS,
    "artifact_report": ARTIFACT_EVENTS,
    "token_usage_report": TOKEN_USAGE_EVENTS,
    "audit": OBSERVATION_EVENTS,
    "orchestrator_state": ORCHESTRATOR_STATE_EVENTS,
}

EVENTS: tuple[type[Event], ...] = tuple(kind for events in STREAMS.values() for kind in events.types)

UPCASTERS: Mapping[str, Callable[[dict[str, object]], dict[str, object]]] = {
    ProjectCreated.TAG: metadata_as_text,
}
"""By tag: old data to what the Struct of today reads. Data of today must pass through unchanged.

A field that was added with a default needs none.
"""
