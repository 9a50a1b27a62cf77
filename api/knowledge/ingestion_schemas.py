"""What is asked of ingestion, on the wire (spec 03, section 11)."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from api.knowledge.schemas import MOST_IDS, LongText
from api.projects.schemas import Metadata, Text, as_text
from domain.knowledge.ingestion import LONGEST_ADDRESS, NewIngestion

Address = Annotated[str, Meta(max_length=LONGEST_ADDRESS)]


class IngestBody(Struct, frozen=True, kw_only=True):
    """One of ``url`` and ``content``, and ``source_type``."""

    url: Address | None = None
    content: LongText | None = None
    source_type: Text | None = None
    project_id: UUID | None = None
    metadata: Metadata | None = None
    force: bool = False

    def wish(self) -> NewIngestion:
        return NewIngestion(
            url=self.url, content=self.content, source_type=self.source_type or "", project_id=self.project_id,
            metadata=as_text(self.metadata or {}), force=self.force,
        )  # fmt: skip


class IngestBatchBody(Struct, frozen=True, kw_only=True):
    items: Annotated[list[IngestBody], Meta(max_length=MOST_IDS)] | None = None
