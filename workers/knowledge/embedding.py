"""Makes vectors of published articles, beside everything else: a provider that is down slows no write and loses none.

What is to be done is rows, which a trigger writes with each article; they stay until their vector is stored.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct

from domain.knowledge.likeness import Alike, Likeness
from egress.embeddings import LONGEST_TEXT, EmbeddingFailed, Provider
from eventstore.database.tenants import each_tenant
from eventstore.database.transaction import Database, TenantTx
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.following.pause import set_within
from projections.queries.article_search import Wanted as Narrowed
from projections.queries.article_vectors import ArticleVectors, Question, TooMany, label_of
from projections.rows.article_vectors import (
    Made,
    Text,
    put_off,
    settle_wanted,
    store_vectors,
    take_wanted,
    tenants_to_embed,
    texts_to_embed,
    want_missing,
)
from projections.rows.job_findings import Found, note_findings
from workers.scheduler import uuid7

AT_ONCE = 16
"""Texts in one request."""
MOST_TENANTS = 200
LEASE = timedelta(seconds=120)
REQUEST_SECONDS = 60.0
SHORTER = 8000
"""Characters of a text that the provider has refused at its full length: its model may take no more."""
MOST_LOOKED_AT = 50
FOUND = "article_likeness"

log = structlog.get_logger(__name__)


class Pace(Struct, frozen=True, kw_only=True):
    """Seconds."""

    sweep: float = 1.0
    retry: float = 5.0
    """After the first failure of an article; doubles with each, up to an hour."""
    rest: float = 60.0
    """At most, between two looks while the provider fails."""
    fill: float = 3600.0
    """Between two looks for articles without a vector of this model."""


class Embedding:
    """Without a provider nothing is done: what is published meanwhile waits in its rows."""

    def __init__(self, database: Database, provider: Provider | None, pace: Pace) -> None:
        self._database = database
        self._provider = provider
        self._pace = pace
        self._vectors = ArticleVectors()
        self._failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        if self._provider is None:
            await stop.wait()
            return
        pause, filled_at = 0.0, -self._pace.fill
        loop = asyncio.get_running_loop()
        while not await set_within(stop, pause):
            try:
                if loop.time() - filled_at >= self._pace.fill:
                    await self.fill()
                    filled_at = loop.time()
                await self.sweep()
            except DatabaseUnavailable as error:
                log.debug("articles_not_embedded", error_class=type(error).__name__)
            except Exception:  # whatever it is, the worker has other things to do, and the next look may do better
                log.exception("articles_not_embedded")
            pause = min(self._pace.sweep * 2.0**self._failures, self._pace.rest)

    @property
    def _asked(self) -> Provider:
        if self._provider is None:
            raise RuntimeError("no provider")
        return self._provider

    async def fill(self) -> int:
        """Queues whatever has no vector of this model: what was published before there was a provider, or another one.
        How many."""
        count = 0
        async for tenant in each_tenant(self._database):
            async with self._database.tenant_transaction(tenant.id) as tx:
                count += await want_missing(tx, f"{self._asked.model}/")
        return count

    async def sweep(self) -> int:
        """How many articles were settled. Ends with the first failure of the provider."""
        async with self._database.system_transaction() as tx:
            tenants = await tenants_to_embed(tx, MOST_TENANTS)
        settled = 0
        for tenant_id in tenants:
            while (done := await self._batch(tenant_id)) is not None:
                settled += done
            if self._failures:
                break
        return settled

    async def _batch(self, tenant_id: UUID) -> int | None:
        """None when nothing is left to do now."""
        async with self._database.tenant_transaction(tenant_id) as tx:
            wanted = await take_wanted(tx, AT_ONCE, LEASE)
            texts = await texts_to_embed(tx, [each.article_id for each in wanted], LONGEST_TEXT)
        if not wanted:
            return None
        fresh = [each for each in texts if not self._is_made(each)]
        made, failed = await self._made(fresh)
        done = [each for each in wanted if each.article_id not in failed]
        async with self._database.tenant_transaction(tenant_id) as tx:
            await store_vectors(tx, made)
            await settle_wanted(tx, done)
            for kind in set(failed.values()):
                late = [each for each in wanted if failed.get(each.article_id) == kind]
                await put_off(tx, late, kind, timedelta(seconds=self._pace.retry))
        await self._link(tenant_id, made, {each.article_id: each for each in fresh})
        return None if self._failures or not done else len(done)

    async def _made(self, texts: Sequence[Text]) -> tuple[list[Made], dict[UUID, str]]:
        """Vectors, and what failed for which reason."""
        if not texts:
            return [], {}
        try:
            vectors = await self._asked.embed([each.text for each in texts], REQUEST_SECONDS)
        except EmbeddingFailed as error:
            if error.input_refused:
                return await self._one_by_one(texts)
            self._failures = min(self._failures + 1, 10)
            log.warning("embedding_failed", reason=error.kind, count=len(texts))
            return [], {each.article_id: error.kind for each in texts}
        self._failures = 0
        return [_made_of(self._asked, each, vector) for each, vector in zip(texts, vectors, strict=True)], {}

    async def _one_by_one(self, texts: Sequence[Text]) -> tuple[list[Made], dict[UUID, str]]:
        """One that is refused must not hold up the others."""
        made: list[Made] = []
        failed: dict[UUID, str] = {}
        for each in texts:
            for text in dict.fromkeys((each.text, each.text[:SHORTER])):
                try:
                    (vector,) = await self._asked.embed([text], REQUEST_SECONDS)
                except EmbeddingFailed as error:
                    failed[each.article_id] = error.kind
                    continue
                failed.pop(each.article_id, None)
                made.append(_made_of(self._asked, each, vector))
                break
        return made, failed

    def _is_made(self, text: Text) -> bool:
        known = text.model is not None and text.model.startswith(f"{self._asked.model}/")
        return known and text.text_hash == _hash(text.text)

    async def _link(self, tenant_id: UUID, made: Sequence[Made], texts: dict[UUID, Text]) -> None:
        """What is alike is linked, by a process of the API: the worker writes no log."""
        for each in made:
            async with self._database.tenant_transaction(tenant_id) as tx:
                alike = await self._alike(tx, each, texts[each.article_id].project_id)
                if alike:
                    found = msgspec.json.encode(Likeness(each.article_id, alike)).decode()
                    await note_findings(
                        tx, FOUND, [Found(uuid7(datetime.now(UTC)), each.article_id, "likeness", found)]
                    )  # fmt: skip

    async def _alike(self, tx: TenantTx, made: Made, project_id: UUID | None) -> Sequence[Alike]:
        """Of a project's article, those of the project and of the whole tenant; of another one, all."""
        narrowed = Narrowed(text="", project_id=project_id, wide=True)
        try:
            hits = await self._vectors.nearest(tx, Question(made.model, made.vector, narrowed), MOST_LOOKED_AT)
        except TooMany:
            return ()
        return [
            Alike(each.article_id, round(each.score, 4))
            for each in hits
            if each.article_id != made.article_id and each.score >= self._asked.alike
        ]


def _made_of(provider: Provider, text: Text, vector: Sequence[float]) -> Made:
    return Made(text.article_id, label_of(provider.model, vector), _hash(text.text), vector)


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()
