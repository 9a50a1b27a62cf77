"""The Python client keeps the heads that it has checked, and notices a server that forgets or rewrites its log."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from eventstore.heads.log_keys import log_signer
from loopctl import seen
from loopctl.audit.fork import judge_fork
from loopctl.client import Client, Unusable
from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.signer import LogSigner, sign_checkpoint
from loopctl.tlog.vkey import parse_vkey
from tests.api.asgi import ask
from tests.api.logs import KEYRING, call, create, service
from tests.api.served import served
from tests.api.team import Work, work
from tests.api.test_log import verified
from tests.deploy.test_backup import run
from tests.support.database import TestDatabase, copied_database

ADDRESS = "http://127.0.0.1:{port}"


class Behind:
    """An address behind which another process can come to stand, and that can hide what clients say they have seen."""

    def __init__(self) -> None:
        self.app: Any = None
        self.deaf = False
        self.checkpoint: bytes | None = None
        """What it shows as its newest head instead."""
        self.also_told: str | None = None
        """A vkey that it names as the newest besides its own."""
        self._loop = asyncio.get_running_loop()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The server has a loop of its own, and the database's connections belong to the test's."""
        request = await receive()
        while request.get("more_body"):
            further = await receive()
            request = {**further, "body": request["body"] + further["body"]}
        answer = asyncio.run_coroutine_threadsafe(self._answer(scope, request), self._loop)
        for message in await asyncio.wrap_future(answer):
            await send(message)

    async def _answer(self, scope: Any, request: Any) -> list[Any]:
        headers = [each for each in scope["headers"] if not (self.deaf and each[0].startswith(b"loopctl-w"))]
        sent: list[Any] = []
        given, answered = iter([request]), asyncio.Event()

        async def receive() -> Any:
            """A client that has sent all, waits for its answer, and then leaves."""
            further = next(given, None)
            if further is None:
                await answered.wait()
            return further or {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                answered.set()

        await self.app({**scope, "headers": headers, "extensions": {}}, receive, send)
        return self._falsified(scope["path"], sent)

    def _falsified(self, path: str, sent: list[Any]) -> list[Any]:
        body: bytes | None = None
        if path.endswith("/checkpoint"):
            body = self.checkpoint
        elif path.endswith("/audit_public_keys") and self.also_told:
            said = msgspec.json.decode(sent[1]["body"])
            said["data"].append({**said["data"][-1], "vkey": self.also_told, "first_size": 3})
            body = msgspec.json.encode(said)
        if body is None:
            return sent
        headers = [each for each in sent[0]["headers"] if each[0] != b"content-length"]
        return [{**sent[0], "headers": [*headers, (b"content-length", b"%d" % len(body))]}, {**sent[1], "body": body}]


class World(Struct, frozen=True):
    database: TestDatabase
    behind: Behind
    address: str
    work: Work
    store: seen.InMemory

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Each has seen what the others have."""
        client = Client(self.address, self.work.team.implementer.raw)
        client.keep_heads_in(self.store)
        try:
            yield client
        finally:
            client.close()

    async def asks(self) -> Any:
        def ask() -> Any:
            with self.client() as client:
                return client.get("tenants/me")

        return await asyncio.to_thread(ask)

    async def grows(self, slug: str, app: Any = None) -> None:
        """One more entry, under a head that is signed."""
        user = self.work.team.user
        app = app or user.service.app
        assert (await create(app, user.raw, {"name": slug, "slug": slug})).status == 201

        assert (await call(app, user.raw, "/api/v1/audit/proof?kind=consistency&first=1")).status == 200

    async def grows_unasked(self, slug: str) -> None:
        """By somebody who says that it has seen nothing yet."""
        user, first = self.work.team.user, {"X_Loopctl_STH_Bootstrap": "true"}
        assert (await create(user.service.app, user.raw, {"name": slug, "slug": slug}, **first)).status == 201
        path = "/api/v1/audit/proof?kind=consistency&first=1"
        assert (await call(user.service.app, user.raw, path, **first)).status == 200

    async def rotates(self, reason: str) -> None:
        user = self.work.team.user
        answer = await user.post(f"/tenants/{user.tenant}/rotate-audit-key", {"reason": reason})
        assert answer.status == 200, answer.body

    async def signer(self) -> LogSigner:
        """The newest key with its private half, as a thief would have it."""
        user = self.work.team.user
        async with user.service.store.database.tenant_transaction(user.tenant) as tx:
            return await log_signer(tx, KEYRING)

    async def newest(self) -> Checkpoint:
        answer = await ask(self.behind.app, f"/t/{self.work.team.user.tenant}/checkpoint")
        return parse_checkpoint(parse_note(answer.body).text)

    @property
    def origin(self) -> str:
        return f"loopctl.example/t/{self.work.team.user.tenant}"

    def kept(self) -> seen.Kept:
        (kept,) = self.store._kept.values()
        return kept


@pytest.fixture
async def here(
    postgres_admin_url: str, database_template: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setattr(seen, "AGAIN_SECONDS", 0.0)
    behind = Behind()
    async with (
        copied_database(postgres_admin_url, database_template) as copied,
        service(copied) as running,
        served(behind) as listening,
    ):
        behind.app = running.app
        made = await work(running)
        world = World(copied, behind, ADDRESS.format(port=listening.port), made, seen.InMemory())
        await world.grows("before")
        yield world


async def test_a_client_keeps_the_newest_head_that_it_has_checked(here: World) -> None:
    await here.asks()
    first = here.kept()
    await here.grows("after")
    await here.asks()
    assert here.kept().size > first.size
    assert here.kept().keys == first.keys


async def test_a_tenant_that_wants_to_be_told_a_head_is_told_one_from_the_first_request_on(here: World) -> None:
    settings = {"settings": {"witness_mode": "required"}}
    assert (await here.work.team.user.patch("/tenants/me", settings)).status == 200
    await here.asks()
    first = here.kept()
    await here.grows_unasked("after")
    await here.asks()
    assert here.kept().size > first.size


async def test_a_server_restored_from_an_older_dump_is_noticed_by_the_first_request(
    here: World, empty_database: TestDatabase
) -> None:
    dump = run("backup", here.database.backup_url)
    await here.grows("lost")
    await here.asks()
    run("restore", empty_database.admin_url, dump)
    async with service(empty_database) as restored:
        here.behind.app = restored.app
        with pytest.raises(Unusable, match="rolled its log back") as error:
            await here.asks()
        assert error.value.code == "log_contradicts"
        (proof,) = await proofs(here)
        known = [parse_vkey(here.kept().keys[0][0])]
        assert judge_fork(msgspec.json.encode(proof["proof"]), known).verdict == "rollback"


async def test_a_server_that_does_not_listen_is_noticed_all_the_same(here: World, empty_database: TestDatabase) -> None:
    dump = run("backup", here.database.backup_url)
    await here.grows("lost")
    await here.asks()
    run("restore", empty_database.admin_url, dump)
    here.behind.deaf = True
    async with service(empty_database) as restored:
        here.behind.app = restored.app
        with pytest.raises(Unusable, match="shows a head of size"):
            await here.asks()


async def test_a_server_that_rewrote_its_log_and_went_on_is_noticed(here: World, empty_database: TestDatabase) -> None:
    dump = run("backup", here.database.backup_url)
    await here.grows("lost")
    await here.asks()
    run("restore", empty_database.admin_url, dump)
    here.behind.deaf = True
    async with service(empty_database) as restored:
        here.behind.app = restored.app
        await here.grows("other-1", restored.app)
        await here.grows("other-2", restored.app)
        with pytest.raises(Unusable, match="no continuation"):
            await here.asks()


async def test_a_client_follows_three_changes_of_the_key_to_the_newest_head(here: World) -> None:
    await here.asks()
    first = here.kept()
    for reason in ("scheduled", "compromise", "staff_left"):
        await here.rotates(reason)
        await here.grows(f"after-{reason.replace('_', '-')}")
    await here.asks()
    listed = await here.work.team.user.get(f"/tenants/{here.work.team.user.tenant}/audit_public_keys")
    assert [key for key, _ in here.kept().keys] == [each["vkey"] for each in listed.json()["data"]]
    assert (here.kept().keys[0], len(here.kept().keys)) == (first.keys[0], 4)
    assert here.kept().size > first.size


async def test_a_client_refuses_a_head_that_only_a_retired_key_has_signed(here: World) -> None:
    """Went red when `KeyHistory.rotated` left the old key without an end."""
    await here.asks()
    retired = await here.signer()
    await here.rotates("compromise")
    await here.grows("after")
    await here.asks()
    await here.grows("later")
    newest = await here.newest()
    here.behind.checkpoint = sign_checkpoint(newest, [retired]).encode()
    with pytest.raises(Unusable, match="only signed by keys that do not count"):
        await here.asks()
    here.behind.checkpoint = sign_checkpoint(newest, [await here.signer()]).encode()
    await here.asks()
    assert here.kept().size == newest.size, "the control: the same head by the key that counts"


async def test_a_client_does_not_follow_to_a_key_that_the_old_one_has_not_signed_for(here: World) -> None:
    await here.asks()
    await here.grows("later")
    thief = LogSigner(here.origin, Ed25519PrivateKey.generate())
    newest = await here.newest()
    here.behind.checkpoint = sign_checkpoint(newest, [thief]).encode()
    here.behind.also_told = thief.key.text()
    with pytest.raises(Unusable, match="no continuation"):
        await here.asks()


async def test_the_command_follows_the_changes_over_http_and_from_an_export(here: World, tmp_path: Path) -> None:
    user = here.work.team.user
    address, first = f"{here.address}/t/{user.tenant}", (await here.signer()).key.text()
    for reason in ("scheduled", "compromise", "scheduled"):
        await here.rotates(reason)
    await here.grows("after")
    export = (await user.get("/audit/export")).body
    assert await asyncio.to_thread(verified, tmp_path / "log.tar", export, first) == 0
    assert await asyncio.to_thread(checked, address, user.raw, first) == 0
    other = LogSigner(here.origin, Ed25519PrivateKey.generate()).key.text()
    assert await asyncio.to_thread(verified, tmp_path / "log.tar", export, other) == 10, "the control"
    assert await asyncio.to_thread(checked, address, user.raw, other) == 10, "the control"


def checked(address: str, raw_key: str, vkey: str) -> int:
    """Exit code of the command that asks the server."""
    command = [str(Path(sys.executable).with_name("loopctl")), "log", "fsck", address, "--vkey", vkey]
    environment = {**os.environ, "LOOPCTL_API_KEY": raw_key, "NO_PROXY": "127.0.0.1"}
    return subprocess.run(command, env=environment, capture_output=True, timeout=180, check=False).returncode


async def proofs(here: World) -> Any:
    def ask() -> Any:
        with closing(Client(here.address, None)) as client:
            return client.get(f"tenants/{here.work.team.user.tenant}/fork-proofs")["data"]

    return await asyncio.to_thread(ask)
