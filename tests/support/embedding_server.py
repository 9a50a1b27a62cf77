"""An OpenAI-compatible server of our own on the loopback: its vectors are of topics that it knows words of."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from config.networks import Networks
from egress.client import Egress
from egress.destination import Rules
from egress.embeddings import RemoteEmbeddings

TOPICS = (
    {"car", "automobile", "vehicle", "motor"}, {"retry", "again", "repetition", "attempt"}, {"fox", "vixen"},
    {"hen", "chicken"},
)  # fmt: skip
LOOPBACK = Rules(networks=Networks("127.0.0.0/8").networks, http=True)


def topics_of(text: str) -> list[float]:
    """How many words of each topic, and something for everything else."""
    words = [word.strip(".,;:!?").lower() for word in text.split()]
    counts = [float(sum(word in topic for word in words)) for topic in TOPICS]
    return [*counts, 0.1]


def answered(texts: Sequence[str]) -> Any:
    data = [{"object": "embedding", "index": place, "embedding": topics_of(text)} for place, text in enumerate(texts)]
    return {"object": "list", "data": data[::-1], "model": "topics", "usage": {"prompt_tokens": 1, "total_tokens": 1}}


class Asked(Struct, frozen=True):
    path: str
    headers: Mapping[str, str]
    body: Any


class EmbeddingServer:
    """``says`` makes of a request a status and a body; ``None`` closes the connection without a word."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.port = 0
        self.says: Callable[[Asked], tuple[int, bytes] | None] = self.well

    def well(self, asked: Asked) -> tuple[int, bytes]:
        return 200, json.dumps(answered(asked.body["input"])).encode()

    def failing(self, status: int, body: bytes = b'{"error": {"message": "secret words"}}') -> None:
        self.says = lambda _: (status, body)

    def provider(self, **changes: Any) -> RemoteEmbeddings:
        given = {
            "egress": Egress(LOOPBACK), "url": f"http://127.0.0.1:{self.port}/v1", "key": "sk-very-secret",
            "model": "topics", "dimensions": None, "alike": 0.9,
        }  # fmt: skip
        return RemoteEmbeddings(**{**given, **changes})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            self.asked.append(Asked(head[0].split()[1], headers, body))
            said = self.says(self.asked[-1])
            if said is not None:
                status, content = said
                start = (
                    f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
                )
                writer.write(start.encode() + content)
                await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def embedding_server() -> AsyncIterator[EmbeddingServer]:
    server = EmbeddingServer()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


def length(vector: Sequence[float]) -> float:
    return math.sqrt(sum(each * each for each in vector))
