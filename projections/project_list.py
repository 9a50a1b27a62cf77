"""The projects of a tenant, as `GET /projects` shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from domain.event import Recorded
from domain.project import ProjectCreated
from eventstore.transaction import TenantTx

INSERT = """
    INSERT INTO app.project (
        tenant_id, project_id, slug, name, status, repo_url, description, tech_stack, mission, metadata,
        created_at, updated_at, position)
    SELECT $1, project_id, slug, name, 'active', repo_url, description, tech_stack, mission, metadata, at, at, position
      FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[],
                  $10::timestamptz[], $11::bigint[])
           AS given (project_id, slug, name, repo_url, description, tech_stack, mission, metadata, at, position)
"""

# A scalar sub-select for each slug: one probe of the index each, whatever the planner believes about a table that
# has just grown. As a join or ANY it read every project of the tenant (measured: 15 ms at 20,000, now 0.3 ms).
TAKEN_SLUGS = """
    SELECT asked.slug,
           (SELECT p.project_id FROM app.project AS p WHERE p.tenant_id = $1 AND p.slug = asked.slug LIMIT 1) AS holder
      FROM unnest($2::text[]) AS asked (slug)
"""

ACTIVE = "SELECT count(*) FROM app.project WHERE tenant_id = $1 AND status = 'active'"


async def apply(tx: TenantTx, recorded: Sequence[Recorded]) -> None:
    created = [(each, each.event) for each in recorded if isinstance(each.event, ProjectCreated)]
    if not created:
        return
    await tx.execute(
        INSERT,
        tx.tenant_id,
        [each.stream.id for each, _ in created],
        [event.slug for _, event in created],
        [event.name for _, event in created],
        [event.repo_url for _, event in created],
        [event.description for _, event in created],
        [event.tech_stack for _, event in created],
        [event.mission for _, event in created],
        [msgspec.json.encode(event.metadata, order="sorted") for _, event in created],
        [each.at for each, _ in created],
        [each.position for each, _ in created],
    )


class TakenSlug:
    """Whether a project has this slug."""

    name = "project_slug"

    async def load(self, tx: TenantTx, keys: Sequence[Any]) -> Mapping[Any, bool]:
        rows = await tx.fetch(TAKEN_SLUGS, tx.tenant_id, list(keys))
        return {row["slug"]: row["holder"] is not None for row in rows}

    def initial(self, _: Any) -> bool:
        return False

    def touched(self, recorded: Recorded) -> Sequence[Any]:
        return [recorded.event.slug] if isinstance(recorded.event, ProjectCreated) else []

    def evolve(self, _: bool, __: Recorded) -> bool:
        return True


class ActiveProjects:
    """How many projects of the tenant are active."""

    name = "active_projects"

    async def load(self, tx: TenantTx, keys: Sequence[Any]) -> Mapping[Any, int]:
        return dict.fromkeys(keys, await tx.fetchval(ACTIVE, tx.tenant_id))

    def initial(self, _: Any) -> int:
        return 0

    def touched(self, recorded: Recorded) -> Sequence[Any]:
        return [None] if isinstance(recorded.event, ProjectCreated) else []

    def evolve(self, active: int, _: Recorded) -> int:
        return active + 1
