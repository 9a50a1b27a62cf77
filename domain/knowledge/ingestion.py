"""Reading in what is elsewhere: an address or a text becomes drafts (spec 03, section 11).

Extractive: a text is cut at its headings, and nothing is said that it does not say.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar, Literal, assert_never
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import UNSET, Struct, UnsetType, structs

from domain.event import ERASED, Event, Events, JsonText, Recorded
from domain.fields import BLANK, LONGEST_TITLE, Problems
from domain.knowledge.article import SOURCE_TYPES, check_metadata
from domain.knowledge.events import LONGEST_BODY, ArticleCreated

CHUNK = 8000
"""Bytes of a text that one draft takes."""
MOST_DRAFTS = 10
LONGEST_CONTENT = 1_000_000
LONGEST_ADDRESS = 2048
MOST_ITEMS = 50
WINDOW = timedelta(seconds=3600)
"""The same asked for again within so long is the same job."""
HEADING = re.compile(r"#{1,6} ")

IngestionState = Literal["queued", "completed", "discarded"]


class IngestionRequested(Event, frozen=True, kw_only=True):
    """One of ``url`` and ``content``."""

    TAG: ClassVar[str] = "ingestion.requested"
    ERASABLE: ClassVar[Mapping[str, str]] = {"content": ERASED}
    TEXTS_APART: ClassVar[bool] = True
    source_type: str
    content_hash: str
    """SHA-256 of the address, or of the text, in lower-case hexadecimal digits."""
    url: str | None = None
    content: str | UnsetType = UNSET
    project_id: UUID | None = None
    metadata: JsonText = JsonText("{}")


class IngestionFinished(Event, frozen=True, kw_only=True):
    """``article_ids`` are the drafts that it left; what was known already is counted as ``known``."""

    TAG: ClassVar[str] = "ingestion.finished"
    state: IngestionState
    article_ids: tuple[UUID, ...] = ()
    known: int = 0
    left_out: int = 0
    """Characters at the end of a text that was too long."""
    error: str | None = None
    """A short code."""


IngestionEvent = IngestionRequested | IngestionFinished
INGESTION_EVENTS = Events[IngestionEvent](IngestionEvent)


class Ingestion(Struct, frozen=True, kw_only=True):
    """A row of app.ingestion. The text is kept until it is read in."""

    ingestion_id: UUID
    project_id: UUID | None
    source_type: str
    url: str | None
    content: str
    content_hash: str
    dedupe: str
    state: IngestionState
    error: str | None
    article_count: int
    requested_at: datetime
    finished_at: datetime | None
    position: int


class Earlier(Struct, frozen=True):
    """The newest job for the same."""

    dedupe: str
    ingestion_id: UUID | None = None
    requested_at: datetime | None = None


class NewIngestion(Struct, frozen=True, kw_only=True):
    """As somebody says it. ``force``: although the same was asked for lately."""

    url: str | None = None
    content: str | None = None
    source_type: str = ""
    project_id: UUID | None = None
    metadata: JsonText = JsonText("{}")
    force: bool = False

    @property
    def content_hash(self) -> str:
        return sha256((self.url or self.content or "").encode()).hexdigest()

    @property
    def dedupe(self) -> str:
        return dedupe_of(self.content_hash, self.source_type, self.project_id)


class Draft(Struct, frozen=True):
    title: str
    body: str


class Read(Struct, frozen=True, kw_only=True):
    """What a job of the worker has made of it; ``error`` when nothing, for good."""

    ingestion_id: UUID
    drafts: Sequence[Draft] = ()
    left_out: int = 0
    error: str | None = None


def dedupe_of(content_hash: str, source_type: str, project_id: UUID | None) -> str:
    return f"{content_hash}:{source_type}:{project_id or ''}"


def check_ingestion(wish: NewIngestion, *, project_is_there: bool) -> IngestionRequested:
    """Raises Invalid."""
    problems = Problems()
    if not wish.url and not wish.content:
        problems.add("url", "Exactly one of 'url' or 'content' is required")
    if wish.url and wish.content:
        problems.add("url", "Provide exactly one of 'url' or 'content', not both")
    if not wish.source_type:
        problems.add("source_type", f"'source_type' is required: {BLANK}")
    else:
        problems.one_of("source_type", wish.source_type, SOURCE_TYPES)
    if wish.content and len(wish.content) > LONGEST_CONTENT:
        problems.add("content", f"should be at most {LONGEST_CONTENT} character(s)")
    if not project_is_there:
        problems.add("project_id", "does not belong to this tenant")
    check_metadata(problems, wish.metadata)
    problems.raise_any()
    return IngestionRequested(
        source_type=wish.source_type, content_hash=wish.content_hash, url=wish.url or None,
        content=wish.content or UNSET, project_id=wish.project_id, metadata=wish.metadata,
    )  # fmt: skip


def is_repeated(earlier: Earlier, at: datetime) -> bool:
    return earlier.requested_at is not None and at - earlier.requested_at < WINDOW


def evolve_ingestion(ingestion: Ingestion | None, recorded: Recorded) -> Ingestion | None:
    event = recorded.event
    if not INGESTION_EVENTS.has(event):
        return ingestion
    match event:
        case IngestionRequested():
            return Ingestion(
                ingestion_id=recorded.stream.id, project_id=event.project_id, source_type=event.source_type,
                url=event.url, content="" if event.content is UNSET else event.content,
                content_hash=event.content_hash,
                dedupe=dedupe_of(event.content_hash, event.source_type, event.project_id), state="queued", error=None,
                article_count=0, requested_at=recorded.at, finished_at=None, position=recorded.position,
            )  # fmt: skip
        case IngestionFinished():
            if ingestion is None:
                return None
            return structs.replace(
                ingestion, content="", state=event.state, error=event.error, article_count=len(event.article_ids),
                finished_at=recorded.at, position=recorded.position,
            )  # fmt: skip
        case _:
            assert_never(event)


def draft_id(ingestion: Ingestion, draft: Draft) -> UUID:
    """Follows from what it says and for whom, so that the same read in again is the same draft."""
    digest = sha256(draft.body.encode()).hexdigest()
    return uuid5(NAMESPACE_URL, f"ingested:{ingestion.project_id}:{ingestion.source_type}:{digest}")


def source_id(content_hash: str) -> UUID:
    """Of all articles of one source."""
    return UUID(bytes=sha256(content_hash.encode()).digest()[:16])


def drafted(ingestion: Ingestion, draft: Draft) -> ArticleCreated:
    return ArticleCreated(
        title=draft.title[:LONGEST_TITLE], body=draft.body, category="reference", status="draft",
        project_id=ingestion.project_id, tags=(), slug=None, source_type=ingestion.source_type,
        source_id=source_id(ingestion.content_hash), metadata=JsonText('{"extraction_source":"extractive"}'),
    )  # fmt: skip


def drafts_of(text: str, title: str) -> tuple[Sequence[Draft], int]:
    """Ten at most, of as many bytes as that takes; and how many characters at the end are in none."""
    whole = text.strip()
    if not whole:
        return (), 0
    size = max(CHUNK, -(-len(whole.encode()) // MOST_DRAFTS) + CHUNK)
    pieces = chunks(whole) if len(whole.encode()) <= CHUNK * MOST_DRAFTS else chunks(whole, min(size, LONGEST_BODY))
    kept = [piece.strip() for piece in pieces if piece.strip()]
    left_out = sum(len(piece) for piece in kept[MOST_DRAFTS:])
    kept = kept[:MOST_DRAFTS]
    return [Draft(_title(piece, title, place, len(kept)), piece) for place, piece in enumerate(kept, 1)], left_out


def _title(piece: str, title: str, place: int, count: int) -> str:
    """The document's and the piece's own first heading, or its number."""
    first = piece.lstrip().partition("\n")[0]
    heading = HEADING.sub("", first).strip(" #") if HEADING.match(first) else ""
    if not title:
        title, heading = heading or first.strip(), ""
    if heading and heading != title:
        return f"{title}: {heading}"[:LONGEST_TITLE]
    return title[:LONGEST_TITLE] if count == 1 or place == 1 else f"{title[: LONGEST_TITLE - 12]} ({place})"


def chunks(text: str, most: int = CHUNK) -> list[str]:
    """Each at most so many bytes, in order: cut before headings, then at blank lines, then at lines and blanks."""
    if len(text.encode(errors="surrogatepass")) <= most:
        return [text]
    joined: list[str] = []
    for unit in _units(text):
        for part in _parts(unit, most):
            if joined and _size(joined[-1]) + 1 + _size(part) <= most:
                joined[-1] += "\n" + part
            else:
                joined.append(part)
    return joined


def _units(text: str) -> list[str]:
    """From one heading to the next."""
    units: list[list[str]] = [[]]
    for line in text.split("\n"):
        if HEADING.match(line) and units[-1]:
            units.append([])
        units[-1].append(line)
    return [unit for lines in units if (unit := "\n".join(lines)).strip()]


def _parts(unit: str, most: int) -> list[str]:
    if _size(unit) <= most:
        return [unit]
    parts: list[str] = []
    for paragraph in unit.split("\n\n"):
        for piece in _pieces(paragraph, most):
            if parts and _size(parts[-1]) + 2 + _size(piece) <= most:
                parts[-1] += "\n\n" + piece
            else:
                parts.append(piece)
    return parts


def _pieces(paragraph: str, most: int) -> list[str]:
    """At the last line in the last quarter of what fits, else blank, else letter."""
    left, pieces = paragraph.encode(errors="surrogatepass"), list[str]()
    while len(left) > most:
        window = left[:most]
        end = next((place for mark in (b"\n", b" ") if (place := window.rfind(mark)) >= most * 3 // 4), most)
        if end == most:
            while end > most - 4 and left[end] & 0xC0 == 0x80:
                end -= 1
        pieces.append(left[:end].decode(errors="replace").strip())
        left = left[end:].lstrip()
    return [*pieces, left.decode(errors="replace")]


def _size(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))
