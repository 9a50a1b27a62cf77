"""What became of work that a version of a skill was used for, as the events leave it; gone with its story."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.event import Recorded
from domain.lifecycle.events import VERIFICATION_EVENTS
from domain.skill_result import SkillResult, evolve_skill_result
from domain.story import StoryDeleted
from eventstore.database.transaction import TenantTx
from eventstore.log.command import EVERY, Model
from projections.rows.entity import Entity

TABLES = ("app.skill_result",)
SKILL_RESULTS = Entity(name="skill_result", state=SkillResult, identity="result_id", evolve=evolve_skill_result)

FORGET = "DELETE FROM app.skill_result WHERE tenant_id = $1 AND story_id = ANY ($2::uuid[])"

VERIFIED = "SELECT verification_id, story_id FROM app.verification WHERE tenant_id = $1 AND verification_id = ANY ($2)"

OF_VERSION = """
    SELECT r.*, count(*) OVER () AS total
      FROM app.skill_result AS r
     WHERE r.tenant_id = $1 AND r.skill_version_id = $2
     ORDER BY r.position DESC
     LIMIT $3 OFFSET $4
"""

# Averages of nothing are NULL, and so is a rate of them; of no findings at all no part is false.
STATS = """
    SELECT s.*,
           CASE WHEN s.findings > 0 THEN coalesce(round(s.false_positives / s.findings, 4), 0) ELSE 0 END AS false_rate,
           count(*) OVER () AS total
      FROM (SELECT v.version, count(*) AS results,
                   count(*) FILTER (WHERE f.result = 'pass') AS passed,
                   count(*) FILTER (WHERE f.result = 'fail') AS failed,
                   count(*) FILTER (WHERE f.result = 'partial') AS partial,
                   count(DISTINCT r.story_id) AS stories,
                   avg(r.findings_count::numeric) AS findings,
                   avg(r.false_positive_count::numeric) AS false_positives,
                   avg(r.iteration::numeric) AS iterations
              FROM app.skill_result AS r
              JOIN app.skill_version AS v ON v.tenant_id = $1 AND v.version_id = r.skill_version_id
              JOIN app.verification AS f ON f.tenant_id = $1 AND f.verification_id = r.verification_result_id
             WHERE r.tenant_id = $1 AND r.skill_id = $2
             GROUP BY v.version) AS s
     ORDER BY s.version
     LIMIT $3 OFFSET $4
"""


class VerifiedStory(Model[UUID, UUID | None]):
    """Whose a verification result is, by its id."""

    name = "verified_story"
    volatile = True
    events = (*VERIFICATION_EVENTS.types, StoryDeleted)

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, UUID]:
        rows = await tx.fetch(VERIFIED, tx.tenant_id, list(keys))
        return {row["verification_id"]: row["story_id"] for row in rows}

    def initial(self, _: UUID) -> None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        event: Any = recorded.event
        return EVERY if isinstance(event, StoryDeleted) else [event.verification_id]

    def evolve(self, story_id: UUID | None, recorded: Recorded) -> UUID | None:
        if not isinstance(recorded.event, StoryDeleted):
            return recorded.stream.id
        return None if story_id == recorded.stream.id else story_id


VERIFIED_STORY = VerifiedStory()


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    await SKILL_RESULTS.apply(tx, recorded)
    gone = [each.stream.id for each in recorded if isinstance(each.event, StoryDeleted)]
    if gone:
        await tx.execute(FORGET, tx.tenant_id, gone)


async def list_results(tx: TenantTx, version_id: UUID, limit: int, offset: int) -> tuple[Sequence[SkillResult], int]:
    """Newest first; and how many there are on all pages."""
    rows = await tx.fetch(OF_VERSION, tx.tenant_id, version_id, limit, offset)
    counted = rows or (await tx.fetch(OF_VERSION, tx.tenant_id, version_id, 1, 0) if offset else [])
    return [SKILL_RESULTS.from_row(row) for row in rows], counted[0]["total"] if counted else 0


async def skill_stats(tx: TenantTx, skill_id: UUID, limit: int, offset: int) -> tuple[Sequence[Any], int]:
    """A row for each version that has results, by version; and how many there are on all pages."""
    rows = await tx.fetch(STATS, tx.tenant_id, skill_id, limit, offset)
    counted = rows or (await tx.fetch(STATS, tx.tenant_id, skill_id, 1, 0) if offset else [])
    return rows, counted[0]["total"] if counted else 0
