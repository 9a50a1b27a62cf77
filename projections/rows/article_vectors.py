"""Which articles are to be made vectors of, and their vectors: in no log and in no rebuild."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from eventstore.database.transaction import SystemTx, TenantTx

TENANTS = "SELECT tenant_id FROM app.tenants_to_embed($1)"

TAKE = """
    UPDATE app.article_to_embed AS q
       SET due_at = now() + $3, attempts = q.attempts + 1
     WHERE q.tenant_id = $1
       AND q.article_id IN (
           SELECT d.article_id
             FROM app.article_to_embed AS d
            WHERE d.tenant_id = $1 AND d.due_at <= now()
            ORDER BY d.due_at
            LIMIT $2
              FOR UPDATE SKIP LOCKED)
 RETURNING q.article_id, q.queued_at, q.attempts
"""

TEXTS = """
    SELECT a.article_id, a.title || E'\\n\\n' || left(a.body, $3) AS text, a.project_id, v.model, v.text_hash
      FROM app.article AS a
      LEFT JOIN app.article_vector AS v ON v.tenant_id = $1 AND v.article_id = a.article_id
     WHERE a.tenant_id = $1 AND a.article_id = ANY ($2::uuid[]) AND a.status = 'published'
"""

# Only of what is still published: it may have been taken back while the vector was made. A vector that comes a moment
# later all the same is found by no search, which looks at the article too.
STORE = """
    INSERT INTO app.article_vector (tenant_id, article_id, model, text_hash, embedding)
    SELECT $1, a.article_id, $3, $4, $5::real[]
      FROM app.article AS a
     WHERE a.tenant_id = $1 AND a.article_id = $2 AND a.status = 'published'
        ON CONFLICT (tenant_id, article_id) DO UPDATE
       SET model = excluded.model, text_hash = excluded.text_hash, embedding = excluded.embedding, embedded_at = now()
"""

# What was queued again since it was taken stays.
DONE = """
    DELETE FROM app.article_to_embed AS q
     USING unnest($2::uuid[], $3::timestamptz[]) AS given (article_id, queued_at)
     WHERE q.tenant_id = $1 AND q.article_id = given.article_id AND q.queued_at = given.queued_at
"""

PUT_OFF = """
    UPDATE app.article_to_embed AS q
       SET due_at = now() + least($4::interval * power(2, least(q.attempts, 20) - 1), interval '1 hour'), error = $3
     WHERE q.tenant_id = $1 AND q.article_id = ANY ($2::uuid[])
"""

WANT_MISSING = """
    INSERT INTO app.article_to_embed (tenant_id, article_id)
    SELECT $1, s.article_id
      FROM app.article_search AS s
      LEFT JOIN app.article_vector AS v ON v.tenant_id = $1 AND v.article_id = s.article_id
     WHERE s.tenant_id = $1 AND (v.article_id IS NULL OR NOT starts_with(v.model, $2))
        ON CONFLICT (tenant_id, article_id) DO NOTHING
"""

STATUS = """
    SELECT (SELECT count(*) FROM app.article_to_embed AS q WHERE q.tenant_id = $1) AS pending,
           (SELECT count(*) FROM app.article_vector AS v WHERE v.tenant_id = $1) AS embedded,
           f.error, f.failed
      FROM (SELECT count(*) AS failed, max(q.error) AS error
              FROM app.article_to_embed AS q
             WHERE q.tenant_id = $1 AND q.error IS NOT NULL) AS f
"""


class Wanted(Struct, frozen=True):
    """An article that is ours to make a vector of until the lease ends."""

    article_id: UUID
    queued_at: datetime
    attempt: int


class Text(Struct, frozen=True):
    """``model`` and ``text_hash`` are of the vector that there is."""

    article_id: UUID
    text: str
    project_id: UUID | None
    model: str | None
    text_hash: bytes | None


class Made(Struct, frozen=True):
    article_id: UUID
    model: str
    text_hash: bytes
    vector: Sequence[float]


class Status(Struct, frozen=True):
    """``error`` is one of those that were met last, None for none."""

    pending: int
    embedded: int
    failed: int
    error: str | None


async def tenants_to_embed(tx: SystemTx, most: int) -> Sequence[UUID]:
    return [row["tenant_id"] for row in await tx.fetch(TENANTS, most)]


async def take_wanted(tx: TenantTx, most: int, lease: timedelta) -> Sequence[Wanted]:
    return [Wanted(*row) for row in await tx.fetch(TAKE, tx.tenant_id, most, lease)]


async def texts_to_embed(tx: TenantTx, article_ids: Sequence[UUID], longest: int) -> Sequence[Text]:
    """Of those that are published."""
    return [Text(*row) for row in await tx.fetch(TEXTS, tx.tenant_id, list(article_ids), longest)]


async def store_vectors(tx: TenantTx, made: Sequence[Made]) -> None:
    for each in made:
        await tx.execute(STORE, tx.tenant_id, each.article_id, each.model, each.text_hash, list(each.vector))


async def settle_wanted(tx: TenantTx, done: Sequence[Wanted]) -> None:
    await tx.execute(DONE, tx.tenant_id, [each.article_id for each in done], [each.queued_at for each in done])


async def put_off(tx: TenantTx, wanted: Sequence[Wanted], error: str, pause: timedelta) -> None:
    """With a pause that doubles with each attempt, up to an hour: none is ever given up."""
    await tx.execute(PUT_OFF, tx.tenant_id, [each.article_id for each in wanted], error[:100], pause)


async def want_missing(tx: TenantTx, model: str) -> int:
    """Queues what has no vector of this model; how many."""
    return int((await tx.execute(WANT_MISSING, tx.tenant_id, model)).rpartition(" ")[2])


async def embedding_status(tx: TenantTx) -> Status:
    row = await tx.fetchrow(STATUS, tx.tenant_id)
    assert row is not None  # noqa: S101  # aggregates have one row
    return Status(row["pending"], row["embedded"], row["failed"], row["error"])
