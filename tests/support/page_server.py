"""Pages of our own on the loopback, for what fetches some."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class PageServer:
    """``pages`` by path: status, headers and body, as they are sent."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.port = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def page(self, path: str, body: str | bytes, kind: str = "text/html; charset=utf-8", status: int = 200) -> str:
        self.pages[path] = (status, {"Content-Type": kind}, body.encode() if isinstance(body, str) else body)
        return self.url(path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            path = head[0].split()[1]
            self.asked.append(path)
            if path in self.pages:
                status, headers, body = self.pages[path]
                told = {**headers, "Content-Length": str(len(body))}
                lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in told.items()), "", ""]
                writer.write("\r\n".join(lines).encode() + body)
                await writer.drain()
        except ConnectionError:
            pass  # whoever asks may have seen enough
        finally:
            writer.close()


@asynccontextmanager
async def page_server() -> AsyncIterator[PageServer]:
    server = PageServer()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server
