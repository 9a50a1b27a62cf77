"""What has to be known of a project's graph before an edge is added to it.

Waiting is followed over both kinds of edges at once. A story waits for the stories that it depends on and, through its
epic, for every story of each epic that its epic depends on. In the walk below a node is a story ``s``, the entrance of
an epic ``i`` (what its stories wait for), or an epic's whole content ``a`` (all of its stories).
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal
from uuid import UUID

from domain.dependency import DependencyFacts
from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model

Kind = Literal["story", "epic"]
Edge = tuple[Kind, UUID, UUID]
"""Kind of both ends, dependent, prerequisite."""

# One statement each: a refusal writes nothing that would show that the graph has changed between two looks at it.
# The walk begins at the prerequisite, and must not arrive at the dependent.
STORY_EDGE = """
    SELECT (SELECT t.project_id FROM app.story AS t WHERE t.tenant_id = $1 AND t.story_id = $2) AS dependent_project,
           (SELECT t.project_id FROM app.story AS t WHERE t.tenant_id = $1 AND t.story_id = $3) AS prerequisite_project,
           EXISTS (SELECT
                     FROM app.story_dependency AS d
                    WHERE d.tenant_id = $1 AND d.dependent_id = $2 AND d.prerequisite_id = $3) AS exists,
           (WITH RECURSIVE reached (id) AS (
                SELECT $3::uuid
                 UNION
                SELECT d.prerequisite_id
                  FROM reached AS r
                  JOIN app.story_dependency AS d ON d.tenant_id = $1 AND d.dependent_id = r.id)
            SELECT EXISTS (SELECT FROM reached AS r WHERE r.id = $2)) AS closes_cycle,
           (WITH RECURSIVE reached (kind, id) AS (
                SELECT 's', $3::uuid
                 UNION
                SELECT next.kind, next.id
                  FROM reached AS r
                 CROSS JOIN LATERAL (
                       SELECT 's' AS kind, d.prerequisite_id AS id
                         FROM app.story_dependency AS d
                        WHERE r.kind = 's' AND d.tenant_id = $1 AND d.dependent_id = r.id
                        UNION ALL
                       SELECT 'i', s.epic_id FROM app.story AS s
                        WHERE r.kind = 's' AND s.tenant_id = $1 AND s.story_id = r.id
                        UNION ALL
                       SELECT 'a', d.prerequisite_id FROM app.epic_dependency AS d
                        WHERE r.kind = 'i' AND d.tenant_id = $1 AND d.dependent_id = r.id
                        UNION ALL
                       SELECT 's', s.story_id FROM app.story AS s
                        WHERE r.kind = 'a' AND s.tenant_id = $1 AND s.epic_id = r.id
                        UNION ALL
                       -- An epic without stories yet stands between its neighbours all the same.
                       SELECT 'i', r.id WHERE r.kind = 'a'
                 ) AS next)
            SELECT EXISTS (SELECT FROM reached AS r WHERE r.kind = 's' AND r.id = $2)) AS deadlocks
"""

EPIC_EDGE = """
    SELECT (SELECT t.project_id FROM app.epic AS t WHERE t.tenant_id = $1 AND t.epic_id = $2) AS dependent_project,
           (SELECT t.project_id FROM app.epic AS t WHERE t.tenant_id = $1 AND t.epic_id = $3) AS prerequisite_project,
           EXISTS (SELECT
                     FROM app.epic_dependency AS d
                    WHERE d.tenant_id = $1 AND d.dependent_id = $2 AND d.prerequisite_id = $3) AS exists,
           (WITH RECURSIVE reached (id) AS (
                SELECT $3::uuid
                 UNION
                SELECT d.prerequisite_id
                  FROM reached AS r
                  JOIN app.epic_dependency AS d ON d.tenant_id = $1 AND d.dependent_id = r.id)
            SELECT EXISTS (SELECT FROM reached AS r WHERE r.id = $2)) AS closes_cycle,
           (WITH RECURSIVE reached (kind, id) AS (
                SELECT 'a', $3::uuid
                 UNION
                SELECT next.kind, next.id
                  FROM reached AS r
                 CROSS JOIN LATERAL (
                       SELECT 's' AS kind, d.prerequisite_id AS id
                         FROM app.story_dependency AS d
                        WHERE r.kind = 's' AND d.tenant_id = $1 AND d.dependent_id = r.id
                        UNION ALL
                       SELECT 'i', s.epic_id FROM app.story AS s
                        WHERE r.kind = 's' AND s.tenant_id = $1 AND s.story_id = r.id
                        UNION ALL
                       SELECT 'a', d.prerequisite_id FROM app.epic_dependency AS d
                        WHERE r.kind = 'i' AND d.tenant_id = $1 AND d.dependent_id = r.id
                        UNION ALL
                       SELECT 's', s.story_id FROM app.story AS s
                        WHERE r.kind = 'a' AND s.tenant_id = $1 AND s.epic_id = r.id
                        UNION ALL
                       -- An epic without stories yet stands between its neighbours all the same.
                       SELECT 'i', r.id WHERE r.kind = 'a'
                 ) AS next)
            SELECT EXISTS (SELECT FROM reached AS r WHERE r.kind = 'i' AND r.id = $2)) AS deadlocks
"""


class EdgeSurroundings(Model[Edge, DependencyFacts]):
    """Keys are (kind, dependent, prerequisite), ``kind`` being ``story`` or ``epic``. For commands that
    have a batch to themselves."""

    name = "surroundings"
    volatile = True
    events = ()

    EDGE: ClassVar[Mapping[str, str]] = {"story": STORY_EDGE, "epic": EPIC_EDGE}

    async def load(self, tx: TenantTx, keys: Sequence[Edge]) -> Mapping[Edge, DependencyFacts]:
        return {key: await self._around(tx, *key) for key in keys}

    async def _around(self, tx: TenantTx, kind: str, dependent: Any, prerequisite: Any) -> DependencyFacts:
        found: Any = await tx.fetchrow(self.EDGE[kind], tx.tenant_id, dependent, prerequisite)
        return DependencyFacts(**found)

    def initial(self, key: Edge) -> DependencyFacts:
        raise KeyError(key)  # `load` answers every key

    def touched(self, _: Recorded) -> Sequence[Edge]:
        return ()

    def evolve(self, known: Any, _: Recorded) -> Any:
        return known


EDGE_SURROUNDINGS = EdgeSurroundings()
