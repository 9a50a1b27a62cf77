"""From the bytes of a page to Markdown, in a process of its own: ``python -m workers.knowledge.pages`` reads HTML from
its standard input and writes title and text as JSON.

What a stranger has written may be made to take for ever, or to break what reads it. Here that costs one process, which
is given some seconds and some memory, and no address, key or connection of ours.
"""

import asyncio
import resource
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

SECONDS = 20.0
MEMORY = 1024 * 1024 * 1024
"""Bytes of address space."""
LARGEST_TEXT = 12 * 1024 * 1024
CHECKOUT = Path(__file__).resolve().parents[2]


class PageUnreadable(Exception):
    pass


class Page(Struct, frozen=True):
    title: str
    text: str


async def page_of(html: str, seconds: float = SECONDS) -> Page:
    """Raises PageUnreadable."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", RUN, str(CHECKOUT), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env={}, cwd="/", limit=LARGEST_TEXT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            written, _ = await process.communicate(html.encode(errors="replace"))
    except TimeoutError:
        raise PageUnreadable from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        return msgspec.json.decode(written, type=Page)
    except msgspec.MsgspecError as error:
        raise PageUnreadable from error


RUN = "import sys; sys.path.insert(0, sys.argv[1]); from workers.knowledge.pages import convert_page; convert_page()"


def convert_page() -> None:
    """In the process of its own."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS)))
    if sys.platform == "linux":  # elsewhere a process may not set it for itself
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    import html_to_markdown as markdown  # noqa: PLC0415  # of this process alone

    html = sys.stdin.buffer.read().decode()
    options = markdown.ConversionOptions(extract_metadata=False)
    text = markdown.convert(html, options).content or ""
    sys.stdout.buffer.write(msgspec.json.encode(Page(_title(html), text)))


def _title(html: str) -> str:
    """What stands between the first pair of tags; no more of a page is looked at than its beginning."""
    head = html[:65_536]
    lower = head.lower()
    start = lower.find("<title")
    start = lower.find(">", start) + 1 if start >= 0 else 0
    end = lower.find("</title", start) if start else -1
    if end < 0:
        return ""
    from html import unescape  # noqa: PLC0415  # of this process alone

    return " ".join(unescape(head[start:end]).split())[:300]
