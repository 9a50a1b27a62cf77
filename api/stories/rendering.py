"""Stories as they are sent. A body is kept with the version that it was made of, for whoever reads that version next.

Every read asks the database for the versions, in one statement; only bodies of other versions are made again, in a
transaction, and kept with the version that they were read with. What is kept is never wrong, whoever wrote in between,
and needs no clearing.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from api.lifecycle.schemas import artifact_body, verification_body
from api.stories.schemas import story_body
from eventstore.database.asking import Ask
from eventstore.database.transaction import TenantTx
from projections.queries.story_lists import ShownStory, StoryFilter, show_story, shown_version, stories_by_id
from projections.rows.custody_records import list_artifacts, list_verifications

MOST_ARTIFACTS = 20
MOST_KEPT = 10_000
MOST_KEPT_BYTES = 16 * 1024 * 1024
LARGEST_KEPT_BYTES = 64 * 1024
"""With both kinds of bodies, and with what Python needs for each, some 40 MB at most."""

ENCODER = msgspec.json.Encoder()
ALL = StoryFilter()

Reading = Callable[[UUID], AbstractAsyncContextManager[TenantTx]]
Found = dict[UUID, Raw | None]
"""By story and in the order of a page; None is to be made."""


class Kept(Struct, frozen=True):
    version: str
    body: Raw
    size: int


class KeptBodies:
    """JSON by tenant and story, of one version each. The oldest make room for new ones."""

    def __init__(self, most: int = MOST_KEPT, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: dict[tuple[UUID, UUID], Kept] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, tenant_id: UUID, story_id: UUID, version: str) -> Raw | None:
        known = self._kept.get((tenant_id, story_id))
        return known.body if known and known.version == version else None

    def keep(self, tenant_id: UUID, story_id: UUID, version: str, body: bytes) -> Raw:
        key, made = (tenant_id, story_id), Kept(version, Raw(body), len(body))
        self._forget(key)
        if made.size <= LARGEST_KEPT_BYTES:
            self._kept[key] = made
            self.bytes += made.size
            while len(self._kept) > self._most or self.bytes > self._most_bytes:
                self._forget(next(iter(self._kept)))
        return made.body

    def _forget(self, key: tuple[UUID, UUID]) -> None:
        if known := self._kept.pop(key, None):
            self.bytes -= known.size


class StoryRenderer:
    def __init__(self, keeping: Callable[[], KeptBodies] = KeptBodies) -> None:
        self._in_lists, self._whole = keeping(), keeping()

    async def page(
        self, reading: Reading, tenant_id: UUID, rows: Sequence[Any], only: StoryFilter = ALL
    ) -> dict[UUID, Raw]:
        """As `listed`, in a transaction that is begun only when a body is to be made."""
        found = self._kept(tenant_id, rows)
        if None not in found.values():
            return _bodies(found)
        async with reading(tenant_id) as tx:
            return await self._completed(tx, found, only)

    async def listed(self, tx: TenantTx, rows: Sequence[Any], only: StoryFilter = ALL) -> dict[UUID, Raw]:
        """Bodies of the rows of a page, by story and in their order. Stories that were deleted since the page was
        read, or changed so that they no longer belong to it, are left out."""
        return await self._completed(tx, self._kept(tx.tenant_id, rows), only)

    async def shown(self, ask: Ask, reading: Reading, tenant_id: UUID, story_id: UUID) -> Raw | None:
        """With all that belongs to it; None when there is no such story."""
        version = await shown_version(ask, tenant_id, story_id)
        if version is None:
            return None
        if body := self._whole.find(tenant_id, story_id, version):
            return body
        async with reading(tenant_id) as tx:
            return await self._read(tx, story_id)

    def _kept(self, tenant_id: UUID, rows: Sequence[Any]) -> Found:
        find = self._in_lists.find
        return {(story := row["story_id"]): find(tenant_id, story, row["version"]) for row in rows}

    async def _completed(self, tx: TenantTx, found: Found, only: StoryFilter) -> dict[UUID, Raw]:
        if missing := [story for story, body in found.items() if body is None]:
            for each in await stories_by_id(tx, missing):
                if only.lets_through(each.story):
                    body = ENCODER.encode(story_body(tx.tenant_id, each.story, each.text))
                    story_id = each.story.story_id
                    found[story_id] = self._in_lists.keep(tx.tenant_id, story_id, each.version, body)
        return _bodies(found)

    async def _read(self, tx: TenantTx, story_id: UUID) -> Raw | None:
        shown = await show_story(tx, story_id)
        if shown is None:
            return None
        # Read after the version: what came in between changes the version as well, and never changes it back.
        artifacts = await list_artifacts(tx, story_id, MOST_ARTIFACTS, 0)
        verifications = await list_verifications(tx, story_id, 1, 0)
        body = ENCODER.encode(shown_body(tx.tenant_id, shown, artifacts, verifications))
        return self._whole.keep(tx.tenant_id, story_id, shown.version, body)


def _bodies(found: Found) -> dict[UUID, Raw]:
    return {story: body for story, body in found.items() if body is not None}


def shown_body(
    tenant_id: UUID, shown: ShownStory, artifacts: Sequence[Any], verifications: Sequence[Any]
) -> dict[str, Any]:
    story_id = shown.story.story_id
    return {
        **story_body(tenant_id, shown.story, shown.text),
        "dependencies": [{"story_id": story_id, "depends_on_story_id": each} for each in shown.depends_on],
        "artifacts": [artifact_body(tenant_id, row) for row in artifacts],
        "latest_verification": verification_body(tenant_id, verifications[0]) if verifications else None,
        **({"project_mission": shown.mission} if shown.mission else {}),
    }
