"""The read models that are written in the transaction of their events: what a caller reads back at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections import look_up, moves, work_breakdown
from projections.facts.contents import CONTENTS
from projections.facts.dependency_check import EDGE_SURROUNDINGS
from projections.facts.epic_standing import EPIC_STANDING
from projections.facts.import_contents import IMPORT_CONTENTS
from projections.facts.prerequisites import PREREQUISITES
from projections.facts.taken import FACTS
from projections.rows import audit_index, custody_records, orchestrator_states
from projections.rows.agents import AGENT_NAME, AGENTS
from projections.rows.entity import Entity, EntityModel
from projections.rows.epics import EPICS
from projections.rows.keys import KEYS, KEYS_OF_AGENT, UNREVOKED_KEYS
from projections.rows.orchestrator_states import ORCHESTRATOR_STATES
from projections.rows.projects import PROJECTS
from projections.rows.stories import STORIES
from projections.rows.story_dependencies import EPIC_DEPENDENCIES, STORY_DEPENDENCIES
from projections.rows.story_texts import STORY_TEXTS
from projections.rows.tenants import TENANTS


class Projection(Struct, frozen=True):
    """``tables`` in full, each in the order in which it is filled; ``apply`` takes in a run of events of one tenant, in
    a fixed number of statements."""

    name: str
    tables: tuple[str, ...]
    apply: Callable[[TenantTx, Sequence[Recorded]], Awaitable[object]]


PROJECTIONS = (
    Projection("tenant", ("app.tenant",), TENANTS.apply),
    Projection("api_key", ("app.api_key",), KEYS.apply),
    Projection("agent", ("app.agent",), AGENTS.apply),
    Projection("work_breakdown", work_breakdown.TABLES, work_breakdown.apply),
    Projection("custody_records", custody_records.TABLES, custody_records.apply),
    Projection("orchestrator_state", orchestrator_states.TABLES, ORCHESTRATOR_STATES.apply),
    Projection("audit_index", audit_index.TABLES, audit_index.apply),
)
INLINE = tuple(projection.apply for projection in PROJECTIONS)

ENTITIES: Sequence[Entity[Any]] = (
    TENANTS,
    KEYS,
    AGENTS,
    PROJECTS,
    EPICS,
    STORIES,
    STORY_TEXTS,
    STORY_DEPENDENCIES,
    EPIC_DEPENDENCIES,
    ORCHESTRATOR_STATES,
)
_MODELS: Sequence[Model[Any, Any]] = (
    *map(EntityModel, ENTITIES),
    UNREVOKED_KEYS,
    KEYS_OF_AGENT,
    AGENT_NAME,
    *FACTS,
    PREREQUISITES,
    CONTENTS,
    EPIC_STANDING,
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
