"""Articles by how alike they are to a vector: exactly, by comparing all of the tenant's (spec 03, section 6.2)."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from eventstore.database.transaction import TenantTx
from projections.queries.article_search import Hit, Wanted, hit_of

MOST_NUMBERS = 1_000_000
"""Of all vectors together, without the extension: numbers are then multiplied one by one, a million in about a third of
a second."""

NATIVE = "SELECT atttypid = to_regtype('vector') FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2"

COUNT = "SELECT count(*) FROM app.article_vector AS v WHERE v.tenant_id = $1 AND v.model = $2"

COUNT_NARROWED = """
    SELECT count(*)
      FROM app.article_vector AS v
      JOIN app.article_search AS s ON s.tenant_id = $1 AND s.article_id = v.article_id
     WHERE v.tenant_id = $1 AND v.model = $2
       AND ($3::uuid IS NULL OR s.project_id = $3 OR $4::boolean AND s.project_id IS NULL)
       AND ($5::text IS NULL OR s.category = $5)
       AND ($6::text[] IS NULL OR s.tags && $6)
"""

# Vectors have length 1, so that their product is the cosine; the operator's is negative, for orders.
NEAREST = """
    SELECT n.article_id, -n.distance AS score, a.title, a.category, a.tags, a.updated_at, NULL AS snippet
      FROM (SELECT v.article_id, v.embedding::vector <#> $3::real[]::vector AS distance
              FROM app.article_vector AS v
             WHERE v.tenant_id = $1 AND v.model = $2
             ORDER BY distance, v.article_id
             LIMIT $4 OFFSET $5) AS n
      JOIN app.article AS a ON a.tenant_id = $1 AND a.article_id = n.article_id AND a.status = 'published'
     ORDER BY n.distance, n.article_id
"""

NEAREST_NARROWED = """
    SELECT n.article_id, -n.distance AS score, a.title, a.category, a.tags, a.updated_at, NULL AS snippet
      FROM (SELECT v.article_id, v.embedding::vector <#> $3::real[]::vector AS distance
              FROM app.article_vector AS v
              JOIN app.article_search AS s ON s.tenant_id = $1 AND s.article_id = v.article_id
             WHERE v.tenant_id = $1 AND v.model = $2
               AND ($6::uuid IS NULL OR s.project_id = $6 OR $7::boolean AND s.project_id IS NULL)
               AND ($8::text IS NULL OR s.category = $8)
               AND ($9::text[] IS NULL OR s.tags && $9)
             ORDER BY distance, v.article_id
             LIMIT $4 OFFSET $5) AS n
      JOIN app.article AS a ON a.tenant_id = $1 AND a.article_id = n.article_id AND a.status = 'published'
     ORDER BY n.distance, n.article_id
"""

BY_NATIVE: Final = "v.embedding::vector <#> $3::real[]::vector"
BY_HAND: Final = "(SELECT -sum(x.one * x.other) FROM unnest(v.embedding::real[], $3::real[]) AS x (one, other))"


class TooMany(Exception):
    """More vectors than are compared one by one: the server lacks the extension vector."""


class ArticleVectors:
    """Knows after the first question what the database can do, which no running process sees change."""

    def __init__(self) -> None:
        self._native: bool | None = None

    async def nearest(
        self, tx: TenantTx, question: "Question", limit: int, offset: int = 0
    ) -> Sequence[Hit]:  # fmt: skip
        """Published articles that have a vector of the model, the most alike first. Raises TooMany."""
        if self._native is None:
            self._native = bool(await tx.fetchval(NATIVE, "app.article_vector", "embedding"))
        if not self._native:
            count = await tx.fetchval(COUNT, tx.tenant_id, question.model)
            if count * len(question.vector) > MOST_NUMBERS:
                raise TooMany
        statement = NEAREST_NARROWED if question.filters else NEAREST
        text = statement if self._native else statement.replace(BY_NATIVE, BY_HAND)
        filters = question.filters or ()
        rows = await tx.fetch(
            text, tx.tenant_id, question.model, list(question.vector), limit, offset, *filters
        )  # fmt: skip
        return [hit_of(row) for row in rows]

    async def count(self, tx: TenantTx, question: "Question") -> int:
        """Of all that ``nearest`` would come to."""
        filters = question.filters
        if not filters:
            return int(await tx.fetchval(COUNT, tx.tenant_id, question.model))
        return int(await tx.fetchval(COUNT_NARROWED, tx.tenant_id, question.model, *filters))


class Question(Struct, frozen=True):
    """``model`` is the one that made the vector; ``wanted`` narrows, its text is not looked at."""

    model: str
    vector: Sequence[float]
    wanted: Wanted

    @property
    def filters(self) -> tuple[object, ...] | None:
        """None when nothing is left out."""
        wanted = self.wanted
        if wanted.project_id is None and wanted.category is None and wanted.tags is None:
            return None
        tags = None if wanted.tags is None else list(wanted.tags)
        return wanted.project_id, wanted.wide, wanted.category, tags


def label_of(model: str, vector: Sequence[float]) -> str:
    """What vectors are kept under: those of one model and another length are never compared either."""
    return f"{model}/{len(vector)}"
