"""A resolver that answers what it is told, and a socket step that connects to nothing and notes where to."""

import socket
from collections.abc import Mapping, Sequence
from typing import Any

import httpcore2

from egress.client import Egress
from egress.destination import Rules

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Stream(httpcore2.AsyncNetworkStream):
    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    async def read(self, max_bytes: int, *_: Any, **__: Any) -> bytes:
        part, self._answer = self._answer[:max_bytes], self._answer[max_bytes:]
        return part

    async def write(self, *_: Any, **__: Any) -> None:
        pass

    async def aclose(self) -> None:
        pass

    async def start_tls(self, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        return self

    def get_extra_info(self, _: str) -> Any:
        return None


class Sockets(httpcore2.AsyncNetworkBackend):
    """``connected`` are the addresses and ports that a socket would have been opened to."""

    def __init__(self, answer: bytes = GOOD) -> None:
        self.connected: list[tuple[str, int]] = []
        self._answer = answer

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        self.connected.append((host, port))
        return Stream(self._answer)


class Names:
    """Answers one list of addresses after the other for each name, the last one for ever, and what the system's
    resolver makes of odd spellings of addresses. ``asked`` counts the look-ups."""

    def __init__(self, names: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._names = {name: list(answers) for name, answers in names.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, _: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self._names.get(host.removesuffix("."))
        if answers is not None:
            return answers.pop(0) if len(answers) > 1 else answers[0]
        try:
            return [socket.inet_ntoa(socket.inet_aton(host))]
        except OSError:
            return [host] if ":" in host else []


def egress_of(
    names: Mapping[str, Sequence[Sequence[str]]], rules: Rules | None = None
) -> tuple[Egress, Sockets, Names]:
    sockets, resolver = Sockets(), Names(names)
    return Egress(rules or Rules(), resolver, sockets), sockets, resolver
