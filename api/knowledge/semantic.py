"""Questions as vectors, for the search by meaning; and whether there is one."""

from egress.embeddings import Guarded, Provider
from projections.queries.article_search import Wanted
from projections.queries.article_vectors import ArticleVectors, Question, label_of


class Semantic:
    """Without a provider words serve every mode."""

    def __init__(self, provider: Provider | None) -> None:
        self._asked = None if provider is None else Guarded(provider)
        self.vectors = ArticleVectors()

    @property
    def model(self) -> str | None:
        return None if self._asked is None else self._asked.model

    async def question(self, wanted: Wanted) -> Question | None:
        """None without a provider. Raises EmbeddingFailed."""
        if self._asked is None:
            return None
        vector = await self._asked.embed(wanted.text)
        return Question(label_of(self._asked.model, vector), vector, wanted)
