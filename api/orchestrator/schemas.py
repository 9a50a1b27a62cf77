"""Checkpoints of orchestrators on the wire (spec 01, section 5.3)."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from api.pages import PageQuery
from api.times import wire_time
from domain.audit_entry import actor_of
from domain.event import JsonText, Recorded
from domain.orchestrator_state import DEFAULT_KEY, OrchestratorState, OrchestratorStateSaved

StateKey = Annotated[str, Meta(max_length=65_536, description="Name of the checkpoint.")]


class SaveStateBody(Struct, frozen=True, kw_only=True):
    state_key: StateKey | None = None
    state_data: Annotated[dict[str, Any], Meta(max_length=10_000)] | None = None
    version: Any = None

    @property
    def text(self) -> JsonText | None:
        return None if self.state_data is None else JsonText(msgspec.json.encode(self.state_data).decode())


class StateQuery(Struct, frozen=True, kw_only=True):
    state_key: StateKey = DEFAULT_KEY


class StateHistoryQuery(PageQuery, frozen=True, kw_only=True):
    state_key: StateKey = DEFAULT_KEY


def state_body(tenant_id: UUID, state: OrchestratorState) -> dict[str, Any]:
    return {
        "id": state.state_id,
        "tenant_id": tenant_id,
        "project_id": state.project_id,
        "state_key": state.state_key,
        "state_data": msgspec.Raw(state.state_data.encode()),
        "version": state.version,
        "inserted_at": wire_time(state.created_at),
        "updated_at": wire_time(state.updated_at),
    }


def saved_body(recorded: Recorded, saved: OrchestratorStateSaved) -> dict[str, Any]:
    return {
        "version": saved.version,
        "state_data": msgspec.Raw(saved.state_data.encode()),
        "saved_by": actor_of(recorded).label,
        "saved_at": wire_time(recorded.at),
    }
