"""The receivers that docs/webhooks.md prints take what is sent and nothing else."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.house.tree import CHECKOUT
from tests.support.database import TestDatabase
from tests.support.guarded import guarded
from tests.workers.webhooks.receiving import Hooks, hooks

DOCUMENT = (CHECKOUT / "docs/webhooks.md").read_text("utf-8")


def printed(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
async def here(database: TestDatabase) -> AsyncIterator[Hooks]:
    async with hooks(database) as made:
        yield made


async def sent_to(here: Hooks, url: str, secret_of: dict[str, str]) -> tuple[str, str]:
    """What became of a test event, and its id."""
    webhook = await here.subscribe(url, "story.verified")
    secret_of["secret"] = webhook["signing_secret"]
    made = await here.people.user.post(f"/webhooks/{webhook['id']}/test", {"event_type": "story.verified"})
    (delivery,) = await here.ended(webhook)
    return delivery["status"], made.json()["webhook_event_id"]


async def test_the_receiver_in_python(here: Hooks, tmp_path: Path) -> None:
    (tmp_path / "receiver.py").write_text(printed("python"))
    assert len(printed("python").splitlines()) <= 24
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    webhook = await here.subscribe(f"http://127.0.0.1:{port}/hook", "story.verified")
    environment = {**os.environ, "LOOPCTL_WEBHOOK_SECRET": webhook["signing_secret"], "PORT": str(port)}
    process = guarded(await asyncio.create_subprocess_exec(
        sys.executable, str(tmp_path / "receiver.py"), env=environment, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    ))  # fmt: skip
    try:
        await here.people.user.post(f"/webhooks/{webhook['id']}/test", {"event_type": "story.verified"})
        await here.until(lambda: _delivered(here, webhook))
        assert process.stdout
        line = (await process.stdout.readline()).decode().split()
        assert line == ["story.verified", str((await here.deliveries(webhook))[0]["position"])]
        assert (
            await _posted(port, b"{}", {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,x"})
            == 401
        )
    finally:
        process.kill()
        await process.wait()


async def _delivered(here: Hooks, webhook: object) -> bool:
    found = await here.deliveries(webhook)
    if found and found[0]["status"] == "exhausted":  # it was not listening yet
        await here.people.user.post(f"/webhooks/{webhook['id']}/deliveries/{found[0]['id']}/redeliver")  # type: ignore[index]  # a body
    return bool(found) and found[0]["status"] == "delivered"


async def _posted(port: int, body: bytes, headers: dict[str, str]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{name}: {value}" for name, value in {**headers, "Content-Length": str(len(body))}.items()]
    writer.write("\r\n".join(["POST /hook HTTP/1.1", "Host: here", *lines, "", ""]).encode() + body)
    await writer.drain()
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def test_the_receiver_in_shell(here: Hooks, tmp_path: Path) -> None:
    (tmp_path / "receiver.sh").write_text(printed("sh"))
    secret: dict[str, str] = {}

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As socat does: the connection is the script's input and output."""
        process = guarded(await asyncio.create_subprocess_exec(
            "sh", "receiver.sh", cwd=tmp_path, env={**os.environ, "LOOPCTL_WEBHOOK_SECRET": secret.get("secret", "")},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        ))  # fmt: skip
        assert process.stdin
        assert process.stdout

        async def feed(into: asyncio.StreamWriter) -> None:
            while part := await reader.read(65_536):
                into.write(part)

        feeding = asyncio.create_task(feed(process.stdin))
        writer.write(await process.stdout.read())
        await writer.drain()
        feeding.cancel()
        writer.close()
        await process.wait()

    server = await asyncio.start_server(run, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    status, id_ = await sent_to(here, f"http://127.0.0.1:{port}/hook", secret)
    assert status == "delivered"
    assert f'"id":"{id_}"' in (tmp_path / "events.jsonl").read_text()
    assert await _posted(port, b"{}", {"X-Loopctl-Signature": "sha256=" + "0" * 64}) == 401
    assert (tmp_path / "events.jsonl").read_text().count("\n") == 1
    server.close()
