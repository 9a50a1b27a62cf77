"""Skills on the wire (spec 02, section 7)."""

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.pages import PageQuery
from api.projects.schemas import Metadata, Text, as_text
from api.times import wire_time
from domain.errors import Invalid
from domain.event import JsonText
from domain.fields import BLANK
from domain.skill import NewSkill, NewVersion, SkillFields, SkillVersion
from domain.skill_import import MOST_SKILLS
from domain.skill_result import NewResult, SkillResult
from projections.rows.skills import ShownSkill, SkillFilter


class ImportedSkillBody(Struct, frozen=True, kw_only=True):
    """One of an import."""

    name: Text | None = None
    prompt_text: Text | None = None
    description: Text | None = None
    project_id: UUID | None = None
    metadata: Metadata | None = None

    def wish(self, project_id: UUID | None = None) -> NewSkill:
        """``project_id`` for one that says none."""
        return NewSkill(
            name=self.name or "", prompt_text=self.prompt_text or "", description=self.description,
            project_id=self.project_id or project_id, metadata=_json(self.metadata),
        )  # fmt: skip


class CreateSkillBody(ImportedSkillBody, frozen=True, kw_only=True):
    """``name`` and ``prompt_text`` must be there; no project is the whole tenant."""


class ImportSkillsBody(Struct, frozen=True, kw_only=True):
    skills: Annotated[list[ImportedSkillBody], Meta(max_length=MOST_SKILLS)]
    project_id: UUID | None = None
    """For those that say none."""


class UpdateSkillBody(Struct, frozen=True, kw_only=True):
    """Null is not said; "" clears the description. Name and text are not changed here."""

    description: Text | None = None
    status: Text | None = None
    metadata: Metadata | None = None

    def fields(self) -> SkillFields:
        return SkillFields(
            description=UNSET if self.description is None else self.description, status=self.status or UNSET,
            metadata=UNSET if self.metadata is None else as_text(self.metadata),
        )  # fmt: skip


class SkillVersionBody(Struct, frozen=True, kw_only=True):
    """``created_by`` is kept as who wrote it; that the key has recorded it stands beside."""

    prompt_text: Text | None = None
    changelog: Text | None = None
    created_by: Text | None = None
    metadata: Metadata | None = None

    def wish(self) -> NewVersion:
        return NewVersion(
            prompt_text=self.prompt_text or "", changelog=self.changelog, attributed_to=self.created_by,
            metadata=_json(self.metadata),
        )  # fmt: skip


class SkillResultBody(Struct, frozen=True, kw_only=True):
    skill_version_id: UUID | None = None
    verification_result_id: UUID | None = None
    story_id: UUID | None = None
    metrics: Metadata | None = None

    def wish(self) -> NewResult:
        """Raises Invalid for what is left out."""
        if not (self.skill_version_id and self.verification_result_id and self.story_id):
            names = ("skill_version_id", "verification_result_id", "story_id")
            raise Invalid(**{name: BLANK for name in names if getattr(self, name) is None})
        return NewResult(
            skill_version_id=self.skill_version_id, verification_result_id=self.verification_result_id,
            story_id=self.story_id, metrics=_json(self.metrics),
        )  # fmt: skip


class SkillsQuery(PageQuery, frozen=True, kw_only=True):
    project_id: Annotated[UUID, Meta(description="Only skills of this project.")] | UnsetType = UNSET
    status: Annotated[Literal["active", "archived"], Meta(description="Only these.")] | UnsetType = UNSET
    name: Annotated[str, Meta(description="Only names with this in them, in any case.")] | UnsetType = UNSET
    name_exact: Annotated[str, Meta(description="Only skills of exactly this name.")] | UnsetType = UNSET

    def wanted(self) -> SkillFilter:
        return SkillFilter(
            project_id=self.project_id or None, status=self.status or None, name=self.name or None,
            name_exact=self.name_exact or None,
        )  # fmt: skip


class DiffQuery(Struct, frozen=True, kw_only=True):
    against: Annotated[int, Meta(ge=1, description="The version before; default the one below.")] | UnsetType = UNSET


def skill_body(shown: ShownSkill) -> dict[str, Any]:
    skill = shown.skill
    return {
        "id": skill.skill_id,
        "name": skill.name,
        "description": skill.description,
        "current_version": shown.newest_version,
        "status": skill.status,
        "project_id": skill.project_id,
        "metadata": msgspec.Raw(skill.metadata.encode()),
        "inserted_at": wire_time(skill.created_at),
        "updated_at": wire_time(shown.changed_at),
    }


def summary_body(version: SkillVersion) -> dict[str, Any]:
    return {
        "id": version.version_id,
        "version": version.version,
        "changelog": version.changelog,
        "created_by": version.created_by,
        "attributed_to": version.attributed_to,
        "sha256": version.sha256,
        "inserted_at": wire_time(version.created_at),
    }


def version_body(version: SkillVersion) -> dict[str, Any]:
    return {
        **summary_body(version),
        "skill_id": version.skill_id,
        "prompt_text": version.prompt_text,
        "metadata": msgspec.Raw(version.metadata.encode()),
    }


def result_body(result: SkillResult) -> dict[str, Any]:
    return {
        "id": result.result_id,
        "skill_version_id": result.skill_version_id,
        "verification_result_id": result.verification_result_id,
        "story_id": result.story_id,
        "metrics": msgspec.Raw(result.metrics.encode()),
        "inserted_at": wire_time(result.created_at),
    }


def stat_body(row: Any) -> dict[str, Any]:
    """Averages are decimals in strings, with four places."""
    return {
        "version": row["version"],
        "total_results": row["results"],
        "pass_count": row["passed"],
        "fail_count": row["failed"],
        "partial_count": row["partial"],
        "stories_reviewed": row["stories"],
        "avg_findings": _places(row["findings"]),
        "avg_false_positives": _places(row["false_positives"]),
        "false_positive_rate": _places(row["false_rate"]) if row["false_rate"] else "0",
        "avg_iterations": _places(row["iterations"]),
    }


def _places(average: Decimal | None) -> str | None:
    return None if average is None else f"{average:.4f}"


def _json(given: dict[str, Any] | None) -> JsonText:
    return as_text(given or {})
