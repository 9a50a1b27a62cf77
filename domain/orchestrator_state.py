"""Named checkpoints of an orchestrator, with optimistic locking (spec 01, section 5.3)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, assert_never
from uuid import UUID, uuid5

from msgspec import Struct

from domain.errors import Conflict
from domain.event import ERASED_JSON, Event, Events, JsonText, Recorded
from domain.fields import LONGEST_NAME, Problems
from domain.observation import check_json

DEFAULT_KEY = "main"


class OrchestratorStateSaved(Event, frozen=True, kw_only=True):
    """The whole state; ``version`` counts from 1."""

    TAG: ClassVar[str] = "orchestrator_state.saved"
    ERASABLE: ClassVar[Mapping[str, str]] = {"state_data": ERASED_JSON}
    project_id: UUID
    state_key: str
    state_data: JsonText
    version: int


OrchestratorStateEvent = OrchestratorStateSaved
ORCHESTRATOR_STATE_EVENTS = Events[OrchestratorStateEvent](OrchestratorStateEvent)


class OrchestratorState(Struct, frozen=True, kw_only=True):
    """A checkpoint as its events leave it; a row of app.orchestrator_state."""

    state_id: UUID
    project_id: UUID
    state_key: str
    state_data: JsonText
    version: int
    created_at: datetime
    updated_at: datetime
    position: int


class SaveState(Struct, frozen=True, kw_only=True):
    """``version`` is what the caller saw last: 0 or None for nothing yet. Whatever is no integer fits no version."""

    project_id: UUID
    state_key: str
    state_data: JsonText | None
    version: Any


def state_id(project_id: UUID, state_key: str) -> UUID:
    """Of the checkpoint's stream: a name has one for ever."""
    return uuid5(project_id, f"orchestrator_state:{state_key.strip()}")


def save_state(now: OrchestratorState | None, command: SaveState) -> OrchestratorStateSaved:
    """Raises Invalid, and Conflict (version_conflict) when somebody else has saved since."""
    problems = Problems()
    state_key = problems.required("state_key", command.state_key, LONGEST_NAME)
    if command.state_data is None:
        problems.add("state_data", "must be a map")
    check_json(problems, "state_data", command.state_data)
    problems.raise_any()
    version = now.version if now else 0
    seen = 0 if command.version is None else command.version
    if type(seen) is not int or seen != version:
        raise Conflict(
            f"Conflict: {state_key} is at version {version}; read it, and save on top of that",
            code="version_conflict",
            current_version=version,
        )
    return OrchestratorStateSaved(
        project_id=command.project_id, state_key=state_key, state_data=command.state_data or JsonText("{}"),
        version=version + 1,
    )  # fmt: skip


def evolve_orchestrator_state(state: OrchestratorState | None, recorded: Recorded) -> OrchestratorState | None:
    event = recorded.event
    if not ORCHESTRATOR_STATE_EVENTS.has(event):
        return state
    match event:
        case OrchestratorStateSaved():
            return OrchestratorState(
                state_id=recorded.stream.id, project_id=event.project_id, state_key=event.state_key,
                state_data=event.state_data, version=event.version,
                created_at=state.created_at if state else recorded.at, updated_at=recorded.at,
                position=recorded.position,
            )  # fmt: skip
        case _:
            assert_never(event)
