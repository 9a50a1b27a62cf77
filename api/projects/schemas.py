"""Projects on the wire (spec 01, section 2.6)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

Name = Annotated[str, Meta(max_length=255)]
Slug = Annotated[str, Meta(max_length=63)]
Text = Annotated[str, Meta(max_length=65536)]
Line = Annotated[str, Meta(max_length=2048)]
Metadata = Annotated[dict[str, Any], Meta(max_length=64)]


class CreateProjectBody(Struct, frozen=True):
    """Unknown members are ignored, as clients of the reference send some."""

    name: Name = ""
    slug: Slug = ""
    repo_url: Line | None = None
    description: Text | None = None
    tech_stack: Line | None = None
    mission: Annotated[str, Meta(max_length=4096)] | None = None
    metadata: Metadata | None = None


class Project(Struct, frozen=True):
    id: UUID
    tenant_id: UUID
    name: str
    slug: str
    repo_url: str | None
    description: str | None
    tech_stack: str | None
    status: Literal["active", "archived"]
    mission: str | None
    metadata: dict[str, Any]
    inserted_at: datetime
    updated_at: datetime


class ProjectAnswer(Struct, frozen=True):
    project: Project
