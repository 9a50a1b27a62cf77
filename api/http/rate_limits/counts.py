"""The script and the marks in Redis, over one connection that is made when it is needed."""

import asyncio
import ssl
from collections.abc import Sequence
from hashlib import sha1
from typing import Any, Self

from redis.asyncio.connection import SSLConnection, parse_url

from api.http.rate_limits.resp import Broken, Refused, Wire, command
from api.http.rate_limits.script import SCRIPT

DEFAULT_PORT = 6379


class Unreachable(Exception):
    """Redis did not answer, or refused."""


class RedisCounts:
    """Its methods raise Unreachable, and do not mind the time: whoever stops waiting ends the connection."""

    def __init__(self, url: str, script: str = SCRIPT) -> None:
        """Raises ValueError for an address that redis-py could not read either."""
        self._address: dict[str, Any] = dict(parse_url(url))
        self._script = script
        self._digest = sha1(script.encode(), usedforsecurity=False).hexdigest()
        self._wire: Wire | None = None
        self._closed = False
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        if self._wire is not None:
            self._wire.end()

    async def run(self, keys: Sequence[str], arguments: Sequence[int]) -> object:
        """What the script answers."""
        try:
            wire = await self._connected()
            try:
                return await wire.ask(command(["EVALSHA", self._digest, len(keys), *keys, *arguments]))
            except Refused as refusal:
                if not str(refusal).startswith("NOSCRIPT"):
                    raise
            return await wire.ask(command(["EVAL", self._script, len(keys), *keys, *arguments]))
        except (Broken, Refused, OSError) as error:
            raise Unreachable from error

    async def put(self, key: str, value: int, seconds: int) -> None:
        try:
            wire = await self._connected()
            await wire.ask(command(["SET", key, value, "EX", seconds]))
        except (Broken, Refused, OSError) as error:
            raise Unreachable from error

    async def _connected(self) -> Wire:
        if self._wire is not None and self._wire.open:
            return self._wire
        async with self._connecting:
            if self._closed:
                raise Broken("closed")
            if self._wire is None or not self._wire.open:
                self._wire = await self._opened()
            return self._wire

    async def _opened(self) -> Wire:
        wire = await self._dialled()
        try:
            for words in self._greeting():
                await wire.ask(command(words))
        except BaseException:
            wire.end()
            raise
        return wire

    async def _dialled(self) -> Wire:
        loop, address = asyncio.get_running_loop(), self._address
        if "path" in address:
            return (await loop.create_unix_connection(Wire, address["path"]))[1]
        secure = _tls(address) if issubclass(address.get("connection_class", object), SSLConnection) else None
        host, port = address.get("host", "localhost"), address.get("port", DEFAULT_PORT)
        return (await loop.create_connection(Wire, host, port, ssl=secure))[1]

    def _greeting(self) -> list[list[str | int]]:
        words: list[list[str | int]] = []
        if password := self._address.get("password"):
            user = self._address.get("username")
            words.append(["AUTH", user, password] if user else ["AUTH", password])
        if database := self._address.get("db"):
            words.append(["SELECT", int(database)])
        return words


def _tls(address: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=address.get("ssl_ca_certs"))
    if str(address.get("ssl_cert_reqs")) == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate := address.get("ssl_certfile"):
        context.load_cert_chain(certificate, address.get("ssl_keyfile"))
    return context
