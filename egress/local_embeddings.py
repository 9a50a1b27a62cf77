"""A small model on this machine, from the package wordllama: nothing is sent anywhere, and no key is needed.

A text's vector is the mean of those of its tokens, read from the package's file of weights; the package's own code,
which wants numpy and a network, is not run. Basic beside what providers sell: words of like meaning, no syntax.
"""

import asyncio
import json
import math
import mmap
import struct
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LOCAL = "local"
PACKAGE = "wordllama"
WEIGHTS, TOKENIZER = "weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"
ALIKE = 0.8
"""Means of many words are all somewhat alike."""
TOKENS_KEPT = 20_000


class LocalEmbeddings:
    """``folder`` is the package's. Raises ValueError for a file that is not as it should be."""

    model = "wordllama-l2-supercat-256"
    alike = ALIKE

    def __init__(self, folder: Path, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        with (folder / WEIGHTS).open("rb") as file:
            self._weights = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        head = struct.unpack_from("<Q", self._weights)[0]
        told = json.loads(self._weights[8 : 8 + head])["embedding.weight"]
        self._count, self._width = told["shape"]
        self._start = 8 + head + told["data_offsets"][0]
        if told["dtype"] != "F16" or len(self._weights) < self._start + self._count * self._width * 2:
            raise ValueError("the weights of the package wordllama are not as they should be")
        self._of_token = lru_cache(maxsize=TOKENS_KEPT)(self._read)

    @classmethod
    def installed(cls) -> "LocalEmbeddings":
        """Raises ValueError when it is not."""
        package, tokenizers = find_spec(PACKAGE), find_spec("tokenizers")
        if package is None or package.origin is None or tokenizers is None:
            raise ValueError("the local model is not installed: run make embeddings")
        from tokenizers import Tokenizer  # noqa: PLC0415  # only where somebody wants it

        folder = Path(package.origin).parent
        return cls(folder, Tokenizer.from_file(str(folder / TOKENIZER)))

    async def embed(self, texts: Sequence[str], seconds: float) -> Sequence[Sequence[float]]:  # noqa: ARG002  # it never waits for anybody
        """In a thread, as a long text takes some hundredths of a second."""
        return await asyncio.to_thread(self._embed, texts)

    def _embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._mean(each) for each in texts]

    def _mean(self, text: str) -> list[float]:
        """A text without a token has a direction too, so that it is like nothing in particular."""
        total = [0.0] * self._width
        for token, count in Counter(self._tokenizer.encode(text, add_special_tokens=False).ids).items():
            total = [sum_ + count * each for sum_, each in zip(total, self._of_token(token), strict=True)]
        length = math.sqrt(sum(each * each for each in total))
        return [each / length for each in total] if length else [1.0, *total[1:]]

    def _read(self, token: int) -> tuple[float, ...]:
        place = self._start + min(token, self._count - 1) * self._width * 2
        return struct.unpack_from(f"<{self._width}e", self._weights, place)
