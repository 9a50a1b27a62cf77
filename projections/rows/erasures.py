"""What an erasure does: the text is deleted beside the log, and rows that were made of it are made again without it."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.erasure import PayloadErased
from domain.event import Recorded
from domain.events import EVENTS, UPCASTERS
from eventstore.database.transaction import TenantTx
from eventstore.log.codec import Codec
from eventstore.log.payloads import delete_payload
from eventstore.log.read import read_stream
from projections.rows.articles import ARTICLES
from projections.rows.entity import Entity, Moved
from projections.rows.epics import EPICS
from projections.rows.orchestrator_states import ORCHESTRATOR_STATES
from projections.rows.projects import PROJECTS
from projections.rows.skills import SKILL_VERSIONS
from projections.rows.stories import STORIES
from projections.rows.story_texts import STORY_TEXTS

CODEC = Codec(EVENTS, UPCASTERS)

MADE_OF_TEXTS: Mapping[str, Sequence[Entity[Any]]] = {
    "project": (PROJECTS,),
    "epic": (EPICS,),
    # A body that was kept is known to be old by the row of the story itself.
    "story": (STORY_TEXTS, STORIES),
    "orchestrator_state": (ORCHESTRATOR_STATES,),
    "skill_version": (SKILL_VERSIONS,),
    "article": (ARTICLES,),
}
"""By kind of the stream that an erased text was in."""


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    """After all others: the rows of events that came in with an erasure are there."""
    for each in recorded:
        if isinstance(each.event, PayloadErased):
            await delete_payload(tx, each.event.seq, each.position)
            await _make_again(tx, each.event, recorded[-1].position)


async def _make_again(tx: TenantTx, erased: PayloadErased, through: int) -> None:
    entities = MADE_OF_TEXTS.get(erased.entity_kind, ())
    stream = await read_stream(tx, CODEC, erased.entity_id, through) if entities else ()
    for entity in entities:
        state = None
        for each in stream:
            if isinstance(each.event, entity.events):
                state = entity.evolve(state, each)
        if state is not None:
            await entity.write(tx, [Moved(erased.entity_id, state, state)])
