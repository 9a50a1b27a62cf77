"""A log whose key was changed, as clients and auditors see it over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from eventstore.heads.signing import current_checkpoint, sign_if_due
from loopctl.tlog.keys import KeyEpoch, key_history
from loopctl.tlog.trust import Trust, open_checkpoint
from loopctl.tlog.vkey import parse_vkey
from tests.api.asgi import ask
from tests.api.logs import KEYRING, Service, create, service, tenant_with_key
from tests.api.test_log import unpadded, verified
from tests.eventstore.rotating import rotate
from tests.support.database import TestDatabase, copied_database


class Changed(msgspec.Struct, frozen=True):
    """A project, a change of key because others had it, a project: five entries."""

    running: Service
    tenant: UUID
    raw_key: str

    async def get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.raw_key}"}
        return await ask(self.running.app, path.format(tenant=self.tenant), headers=headers)


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def changed(shared: TestDatabase) -> AsyncIterator[Changed]:
    async with service(shared) as running:
        tenant, raw = await tenant_with_key(running.store)
        assert (await create(running.app, raw, {"name": "x", "slug": "before"})).status == 201
        await rotate(running.store.database, tenant, "compromise", keyring=KEYRING)
        assert (await create(running.app, raw, {"name": "x", "slug": "after"})).status == 201
        async with running.store.database.tenant_transaction(tenant) as tx:
            await current_checkpoint(tx, KEYRING)
        yield Changed(running, tenant, raw)


async def test_the_key_history_says_which_key_counts_for_which_size(changed: Changed) -> None:
    checkpoint = (await changed.get("/t/{tenant}/checkpoint")).body
    old, new = (await changed.get("/api/v1/tenants/{tenant}/audit_public_keys")).json()["data"]
    assert [(key["first_size"], key["last_size"], key["reason"]) for key in (old, new)] == [
        (0, 4, "founded"),
        (4, None, "compromise"),
    ]
    assert (old["retired_at"] is None, new["retired_at"]) == (False, None)
    epochs = [KeyEpoch(parse_vkey(key["vkey"]), key["first_size"], key["last_size"]) for key in (old, new)]
    opened = open_checkpoint(checkpoint, Trust(key_history(epochs)))
    assert (opened.checkpoint.size, [line.key for line in opened.signatures]) == (5, [epochs[1].key])


async def test_the_json_head_names_the_new_key_and_older_heads_the_old_one(changed: Changed) -> None:
    old, new = (await changed.get("/api/v1/tenants/{tenant}/audit_public_keys")).json()["data"]
    newest = (await changed.get("/api/v1/audit/sth/{tenant}")).json()["data"]
    older = (await changed.get("/api/v1/audit/sth/{tenant}?at=2")).json()["data"]
    assert (newest["key_id"], older["key_id"], older["size"]) == (new["key_id"], old["key_id"], 3)


async def test_the_change_is_an_entry_like_any_other(changed: Changed) -> None:
    entry = (await changed.get("/api/v1/audit/chain")).json()["data"][3]
    old, new = (await changed.get("/api/v1/tenants/{tenant}/audit_public_keys")).json()["data"]
    assert (entry["action"], entry["entity_type"], entry["entity_id"]) == (
        "log.key_rotated",
        "tenant",
        str(changed.tenant),
    )
    assert (entry["payload"]["new_vkey"], entry["payload"]["reason"]) == (new["vkey"], "compromise")
    assert entry["payload"]["old_key_id"] == parse_vkey(old["vkey"]).key_id.hex()
    assert len(unpadded(entry["entry_hash"])) == 32


async def test_the_export_verifies_offline_with_the_first_key_alone(changed: Changed, tmp_path: Path) -> None:
    bundle = (await changed.get("/api/v1/audit/export")).body
    keys = (await changed.get("/api/v1/tenants/{tenant}/audit_public_keys")).json()["data"]
    spoiled = bundle.replace(b'"reason":"compromise","signatures"', b'"reason":"compromisf","signatures"')
    assert spoiled != bundle
    for key in keys:
        assert await asyncio.to_thread(verified, tmp_path / "log.tar", bundle, key["vkey"]) == 0
    assert await asyncio.to_thread(verified, tmp_path / "spoiled.tar", spoiled, keys[0]["vkey"]) == 10


async def test_a_head_that_is_signed_during_a_change_names_a_key_that_signed_it(
    changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def after_a_change(*arguments: Any) -> Any:
        await rotate(changed.running.store.database, changed.tenant, "compromise", keyring=KEYRING)
        return await sign_if_due(*arguments)

    monkeypatch.setattr("api.log.reading.sign_if_due", after_a_change)
    answer = await changed.get("/api/v1/audit/sth/{tenant}")
    newest = (await changed.get("/api/v1/tenants/{tenant}/audit_public_keys")).json()["data"][-1]
    assert (answer.status, answer.json()["data"]["key_id"]) == (200, newest["key_id"])
