"""A door before PostgreSQL that counts how often a client waits for its answer."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

WAITING = b"QSH"
"""Query, Sync, Flush: after each of these a client waits."""


class Trips:
    """``count`` begins anew whenever it is set to 0."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self.count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_unix_connection(self._server)
        back = asyncio.create_task(_copied(upstream, writer))
        try:
            length = await reader.readexactly(4)  # the first message has no type
            downstream.write(length + await reader.readexactly(int.from_bytes(length) - 4))
            while True:
                head = await reader.readexactly(5)
                self.count += head[:1] in WAITING
                downstream.write(head + await reader.readexactly(int.from_bytes(head[1:]) - 4))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            back.cancel()
            downstream.transport.abort()
            writer.transport.abort()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(1 << 16):
            writer.write(block)


def behind(app_url: str, folder: Path) -> tuple[Path, str]:
    """The server's socket, and the address of the same database through a door in ``folder``."""
    parts = urlsplit(app_url)
    socket = Path(unquote(parts.query.partition("host=")[2])) / ".s.PGSQL.5432"
    return socket, urlunsplit(parts._replace(query=f"host={quote(str(folder))}"))


@asynccontextmanager
async def counted(app_url: str) -> AsyncIterator[tuple[Trips, str]]:
    with tempfile.TemporaryDirectory(prefix="loopctl-trips-") as folder:
        socket, through = behind(app_url, Path(folder))
        trips = Trips(socket)
        server = await asyncio.start_unix_server(trips.serve, Path(folder) / ".s.PGSQL.5432")
        try:
            yield trips, through
        finally:
            server.close()
