"""Skills and their versions, as their events leave them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.event import Recorded
from domain.skill import (
    Newest,
    Skill,
    SkillVersion,
    SkillVersionCreated,
    content,
    evolve_skill,
    evolve_skill_version,
)
from domain.skill_import import Name
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.entity import Entity

SKILLS = Entity(name="skill", state=Skill, identity="skill_id", evolve=evolve_skill)
SKILL_VERSIONS = Entity(name="skill_version", state=SkillVersion, identity="version_id", evolve=evolve_skill_version)

NEWEST = """
    SELECT asked.id AS skill_id, v.version, v.prompt_text, v.created_at
      FROM unnest($2::uuid[]) AS asked (id)
     CROSS JOIN LATERAL (
           SELECT n.version, n.prompt_text, n.created_at
             FROM app.skill_version AS n
            WHERE n.tenant_id = $1 AND n.skill_id = asked.id
            ORDER BY n.version DESC
            LIMIT 1) AS v
"""

NAMED = """
    SELECT asked.place, s.skill_id, v.version, v.prompt_text, v.created_at
      FROM unnest($2::uuid[], $3::text[]) WITH ORDINALITY AS asked (project_id, name, place)
      JOIN app.skill AS s
        ON s.tenant_id = $1 AND s.name = asked.name AND s.project_id IS NOT DISTINCT FROM asked.project_id
     CROSS JOIN LATERAL (
           SELECT n.version, n.prompt_text, n.created_at
             FROM app.skill_version AS n
            WHERE n.tenant_id = $1 AND n.skill_id = s.skill_id
            ORDER BY n.version DESC
            LIMIT 1) AS v
"""

LIST = """
    SELECT s.*, v.version AS newest_version, greatest(s.updated_at, v.created_at) AS changed_at,
           count(*) OVER () AS total
      FROM app.skill AS s
     CROSS JOIN LATERAL (
           SELECT n.version, n.created_at
             FROM app.skill_version AS n
            WHERE n.tenant_id = $1 AND n.skill_id = s.skill_id
            ORDER BY n.version DESC
            LIMIT 1) AS v
     WHERE s.tenant_id = $1
       AND ($2::uuid IS NULL OR s.skill_id = $2)
       AND ($3::uuid IS NULL OR s.project_id = $3)
       AND ($4::text IS NULL OR s.status = $4)
       AND ($5::text IS NULL OR s.name ILIKE $5)
       AND ($6::text IS NULL OR s.name = $6)
     ORDER BY s.name, s.project_id NULLS FIRST, s.skill_id
     LIMIT $7 OFFSET $8
"""

VERSIONS = """
    SELECT v.*, count(*) OVER () AS total
      FROM app.skill_version AS v
     WHERE v.tenant_id = $1 AND v.skill_id = $2
     ORDER BY v.version
     LIMIT $3 OFFSET $4
"""

VERSION = """
    SELECT v.*
      FROM app.skill_version AS v
     WHERE v.tenant_id = $1 AND v.skill_id = $2 AND v.version = ANY ($3::bigint[])
     ORDER BY v.version
"""


class NewestVersion(Model[UUID, Newest | None]):
    """By the id of the skill."""

    name = "newest_skill_version"
    events = (SkillVersionCreated,)

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, Newest]:
        rows = await tx.fetch(NEWEST, tx.tenant_id, list(keys))
        return {row["skill_id"]: _newest(row) for row in rows}

    def initial(self, _: UUID) -> None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        created: Any = recorded.event
        return [created.skill_id]

    def evolve(self, _: Newest | None, recorded: Recorded) -> Newest | None:
        return _newest_of(recorded)


class NamedSkill(Model[Name, Newest | None]):
    """By project and name, of which no two skills are the same."""

    name = "skill_name"
    events = (SkillVersionCreated,)

    async def load(self, tx: TenantTx, keys: Sequence[Name]) -> Mapping[Name, Newest]:
        rows = await tx.fetch(NAMED, tx.tenant_id, [project for project, _ in keys], [name for _, name in keys])
        return {keys[row["place"] - 1]: _newest(row) for row in rows}

    def initial(self, _: Name) -> None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[Name]:
        created: Any = recorded.event
        return [(created.project_id, created.name)]

    def evolve(self, _: Newest | None, recorded: Recorded) -> Newest | None:
        return _newest_of(recorded)


NEWEST_VERSION = NewestVersion()
NAMED_SKILL = NamedSkill()


class ShownSkill(Struct, frozen=True):
    """With the number of its newest version, and when the skill or a version of it last changed."""

    skill: Skill
    newest_version: int
    changed_at: datetime


class SkillFilter(Struct, frozen=True, kw_only=True):
    """``None`` filters nothing. ``name`` is a part of a name in any case, ``name_exact`` the whole."""

    skill_id: UUID | None = None
    project_id: UUID | None = None
    status: str | None = None
    name: str | None = None
    name_exact: str | None = None


async def list_skills(tx: TenantTx, wanted: SkillFilter, limit: int, offset: int) -> tuple[Sequence[ShownSkill], int]:
    """By name; and how many there are on all pages."""
    part = None if wanted.name is None else f"%{_literally(wanted.name)}%"
    filters = (tx.tenant_id, wanted.skill_id, wanted.project_id, wanted.status, part, wanted.name_exact)
    rows = await tx.fetch(LIST, *filters, limit, offset)
    counted = rows or (await tx.fetch(LIST, *filters, 1, 0) if offset else [])
    found = [ShownSkill(SKILLS.from_row(row), row["newest_version"], row["changed_at"]) for row in rows]
    return found, counted[0]["total"] if counted else 0


async def find_skill(tx: TenantTx, skill_id: UUID) -> ShownSkill | None:
    found, _ = await list_skills(tx, SkillFilter(skill_id=skill_id), 1, 0)
    return found[0] if found else None


async def list_versions(tx: TenantTx, skill_id: UUID, limit: int, offset: int) -> tuple[Sequence[SkillVersion], int]:
    """The first first; and how many there are on all pages."""
    rows = await tx.fetch(VERSIONS, tx.tenant_id, skill_id, limit, offset)
    counted = rows or (await tx.fetch(VERSIONS, tx.tenant_id, skill_id, 1, 0) if offset else [])
    return [SKILL_VERSIONS.from_row(row) for row in rows], counted[0]["total"] if counted else 0


async def find_versions(tx: TenantTx, skill_id: UUID, *numbers: int) -> Mapping[int, SkillVersion]:
    """Those that there are."""
    rows = await tx.fetch(VERSION, tx.tenant_id, skill_id, list(numbers))
    return {row["version"]: SKILL_VERSIONS.from_row(row) for row in rows}


def _newest(row: Any) -> Newest:
    return Newest(row["skill_id"], row["version"], content(row["prompt_text"]), row["created_at"])


def _newest_of(recorded: Recorded) -> Newest:
    created: Any = recorded.event
    return Newest(created.skill_id, created.version, content(created.prompt_text), recorded.at)


def _literally(text: str) -> str:
    """With nothing in it that LIKE would take for any text."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
