"""What a story waits for, for the decision whether it may be claimed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.event import Recorded
from domain.lifecycle.prerequisites import CONFIRMING_EVENTS, Before, EpicBefore, Prerequisites, evolve_prerequisites
from eventstore.database.transaction import TenantTx
from eventstore.log.command import EVERY, Model

# Each row is found by its key, whatever the planner believes about tables that have just grown.
LOAD = """
    SELECT asked.id AS dependent, s.story_id AS before, s.number, s.verified_status = 'verified' AS verified,
           NULL::integer AS unverified
      FROM unnest($2::uuid[]) AS asked (id)
      JOIN app.story_dependency AS d ON d.tenant_id = $1 AND d.dependent_id = asked.id
     CROSS JOIN LATERAL (
           SELECT t.story_id, t.number, t.verified_status
             FROM app.story AS t WHERE t.tenant_id = $1 AND t.story_id = d.prerequisite_id LIMIT 1
     ) AS s
     UNION ALL
    SELECT asked.id, d.prerequisite_id, e.number::text, NULL, p.stories - p.verified
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT t.epic_id FROM app.story AS t WHERE t.tenant_id = $1 AND t.story_id = asked.id LIMIT 1
     ) AS s
      JOIN app.epic_dependency AS d ON d.tenant_id = $1 AND d.dependent_id = s.epic_id
     CROSS JOIN LATERAL (
           SELECT t.number FROM app.epic AS t WHERE t.tenant_id = $1 AND t.epic_id = d.prerequisite_id LIMIT 1
     ) AS e
     CROSS JOIN LATERAL (
           SELECT t.stories, t.verified
             FROM app.epic_progress AS t WHERE t.tenant_id = $1 AND t.epic_id = d.prerequisite_id LIMIT 1
     ) AS p
"""


Row = tuple[UUID, UUID, str, bool | None, int | None]
"""As LOAD has them: dependent, what comes before it and its number; then of a story whether it is verified, of an epic
how many of its stories are not."""


def prerequisites_of(rows: Iterable[Any]) -> dict[Any, Prerequisites]:
    """Of those that wait for something."""
    stories: dict[UUID, dict[UUID, Before]] = {}
    epics: dict[UUID, dict[UUID, EpicBefore]] = {}
    for dependent, before, number, verified, unverified in rows:
        if unverified is None:
            stories.setdefault(dependent, {})[before] = Before(number, verified)
        else:
            epics.setdefault(dependent, {})[before] = EpicBefore(int(number), unverified)
    return {key: Prerequisites(stories=stories.get(key, {}), epics=epics.get(key, {})) for key in {*stories, *epics}}


class PrerequisitesModel(Model[UUID, Prerequisites]):
    """By story. Volatile: which events matter to a story is known from its dependencies only."""

    name = "prerequisites"
    volatile = True
    events = CONFIRMING_EVENTS.types

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, Prerequisites]:
        return prerequisites_of(await tx.fetch(LOAD, tx.tenant_id, list(keys)))

    def initial(self, _: UUID) -> Prerequisites:
        return Prerequisites()

    def touched(self, _: Recorded) -> Sequence[UUID]:
        return EVERY

    def evolve(self, known: Prerequisites, recorded: Recorded) -> Prerequisites:
        return evolve_prerequisites(known, recorded)


PREREQUISITES = PrerequisitesModel()
