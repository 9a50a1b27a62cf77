"""Projects on the wire (spec 01, section 2.6)."""

from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.pages import PageQuery
from api.times import wire_time
from domain.errors import Invalid
from domain.event import JsonText
from domain.fields import must_be_one_of
from domain.project import Project, ProjectFields, Status

Text = Annotated[str, Meta(max_length=65_536)]
Metadata = Annotated[dict[str, Any], Meta(max_length=64)]


class UpdateProjectBody(Struct, frozen=True, kw_only=True):
    """Unknown members are ignored, as clients of the reference send some; so is null, and "" clears a text."""

    name: Text | None = None
    repo_url: Text | None = None
    description: Text | None = None
    tech_stack: Text | None = None
    mission: Text | None = None
    metadata: Metadata | None = None
    status: Text | None = None

    def fields(self) -> ProjectFields:
        said = {
            name: value
            for name in ("name", "repo_url", "description", "tech_stack", "mission")
            if (value := getattr(self, name)) is not None
        }
        return ProjectFields(
            **said,
            metadata=UNSET if self.metadata is None else as_text(self.metadata),
            status=self._status(),
        )

    def _status(self) -> Status | UnsetType:
        """Raises Invalid for one that there is not."""
        match self.status:
            case None | "":
                return UNSET
            case "active" | "archived" as known:
                return known
            case _:
                raise Invalid(status=must_be_one_of(get_args(Status)))


class CreateProjectBody(UpdateProjectBody, frozen=True, kw_only=True):
    slug: Text = ""


class ProjectsQuery(PageQuery, frozen=True, kw_only=True):
    status: Annotated[Literal["active", "archived"], Meta(description="Only these; default active.")] | UnsetType = (
        UNSET
    )
    include_archived: Annotated[bool, Meta(description="Archived ones too.")] = False
    slug: Annotated[str, Meta(description="Only the project with this slug.")] | UnsetType = UNSET


def project_body(tenant_id: UUID, project: Project) -> dict[str, Any]:
    return {
        "id": project.project_id,
        "tenant_id": tenant_id,
        "name": project.name,
        "slug": project.slug,
        "repo_url": project.repo_url,
        "description": project.description,
        "tech_stack": project.tech_stack,
        "status": project.status,
        "mission": project.mission,
        "metadata": msgspec.Raw(project.metadata.encode()),
        "inserted_at": wire_time(project.created_at),
        "updated_at": wire_time(project.updated_at),
    }


def as_text(value: Any) -> JsonText:
    return JsonText(msgspec.json.encode(value).decode())
