"""Vectors of texts: from an OpenAI-compatible API, or from a model on this machine (spec 03, sections 6.4 and 12.3)."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from config.settings import Settings
from egress.client import Egress, EgressRefused, SendFailed, Wish
from egress.local_embeddings import LOCAL, LocalEmbeddings

Vector = Sequence[float]
"""Of length 1, so that the product of two is how alike they are, from -1 to 1."""

LONGEST_TEXT = 32_000
"""Characters that are made a vector of."""
LARGEST_ANSWER = 32 * 1024 * 1024
ALIKE = 0.6
"""How alike two articles are that get linked, by the models that this is asked of."""

QUESTION_SECONDS = 5.0
FAILURES, WITHIN_SECONDS, OPEN_SECONDS = 3, 60.0, 30.0


class EmbeddingFailed(Exception):
    """``kind`` is a short code; nothing of the answer, which could hold anything. ``input_refused``: another text may
    fare better."""

    def __init__(self, kind: str, *, input_refused: bool = False) -> None:
        super().__init__(kind)
        self.kind = kind
        self.input_refused = input_refused


class Provider(Protocol):
    @property
    def model(self) -> str:
        """Vectors of two models are never compared."""

    @property
    def alike(self) -> float:
        """From here on two articles are linked."""

    async def embed(self, texts: Sequence[str], seconds: float) -> Sequence[Vector]:
        """One for each, in their order. Raises EmbeddingFailed."""


class _Place(Struct):
    index: int
    embedding: list[float]


class _Answer(Struct):
    data: list[_Place]


class RemoteEmbeddings(Struct, frozen=True, kw_only=True):
    """``url`` is the base, to which ``/embeddings`` is added; ``dimensions`` is asked for and insisted on."""

    egress: Egress
    url: str
    key: str | None
    model: str
    dimensions: int | None
    alike: float = ALIKE

    async def embed(self, texts: Sequence[str], seconds: float) -> Sequence[Vector]:
        asked: dict[str, Any] = {"model": self.model, "input": list(texts), "encoding_format": "float"}
        if self.dimensions is not None:
            asked["dimensions"] = self.dimensions
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        wish = Wish("POST", f"{self.url.rstrip('/')}/embeddings", headers, msgspec.json.encode(asked))
        try:
            received = await self.egress.exchange(wish, LARGEST_ANSWER, seconds)
        except EgressRefused as refusal:
            raise EmbeddingFailed("address_refused") from refusal
        except SendFailed as failure:
            raise EmbeddingFailed(failure.kind) from failure
        if received.status != 200:
            refused = received.status in (400, 413, 422)
            raise EmbeddingFailed(f"status_{received.status}", input_refused=refused)
        return self._vectors(received.body, len(texts))

    def _vectors(self, body: bytes, count: int) -> Sequence[Vector]:
        try:
            found = msgspec.json.decode(body, type=_Answer)
        except msgspec.MsgspecError as error:
            raise EmbeddingFailed("unreadable_answer") from error
        places = sorted(found.data, key=lambda each: each.index)
        if [each.index for each in places] != [*range(count)]:
            raise EmbeddingFailed("unreadable_answer")
        lengths = {len(each.embedding) for each in places}
        if len(lengths) > 1 or 0 in lengths or (self.dimensions is not None and lengths != {self.dimensions}):
            raise EmbeddingFailed("dimension_mismatch")
        return [unit(each.embedding) for each in places]


def unit(numbers: Sequence[float]) -> Vector:
    """The same direction with length 1. Raises EmbeddingFailed for what has none."""
    length = math.sqrt(sum(each * each for each in numbers))
    if not math.isfinite(length) or length == 0:
        raise EmbeddingFailed("unreadable_answer")
    return [each / length for each in numbers]


class Guarded:
    """For questions, which somebody waits for: five seconds each, and a provider that keeps failing is not asked for a
    while. Raises EmbeddingFailed."""

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._open_until = -math.inf

    @property
    def model(self) -> str:
        return self._provider.model

    async def embed(self, text: str) -> Vector:
        if self._clock() < self._open_until:
            raise EmbeddingFailed("resting")
        try:
            (vector,) = await self._provider.embed([text], QUESTION_SECONDS)
        except EmbeddingFailed as error:
            if not error.input_refused:
                self._failed()
            raise
        self._failures.clear()
        return vector

    def _failed(self) -> None:
        now = self._clock()
        self._failures.append(now)
        if len(self._failures) == FAILURES and now - self._failures[0] <= WITHIN_SECONDS:
            self._failures.clear()
            self._open_until = now + OPEN_SECONDS


def provider_of(settings: Settings, egress: Egress) -> Provider | None:
    """None when there is none. Raises ValueError for a local one that is not installed."""
    if not settings.embeddings_url:
        return None
    if settings.embeddings_url == LOCAL:
        return LocalEmbeddings.installed()
    return RemoteEmbeddings(
        egress=egress, url=settings.embeddings_url, key=settings.embeddings_key, model=settings.embeddings_model,
        dimensions=settings.embeddings_dimensions,
    )  # fmt: skip
