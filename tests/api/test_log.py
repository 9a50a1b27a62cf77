"""The log over HTTP: what an auditor reads, checked with the formats alone."""

import asyncio
import base64
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.keys import first_key
from loopctl.tlog.note import parse_note
from loopctl.tlog.proof import check_consistency, check_inclusion
from loopctl.tlog.receipt import check_receipt, parse_receipt
from loopctl.tlog.tile import Bundle, parse_bundle
from loopctl.tlog.trust import Trust, open_checkpoint
from loopctl.tlog.vkey import parse_vkey
from tests.api.asgi import Answer, ask
from tests.api.logs import Service, create, service, tenant_with_key
from tests.eventstore.growing import root_at
from tests.support.database import TestDatabase, copied_database
from tests.support.running import CHECKOUT

PROJECTS = 5


class Written(msgspec.Struct, frozen=True):
    """A tenant whose log has its founding and five projects: seven entries."""

    running: Service
    tenant: UUID
    raw_key: str

    async def get(self, path: str, key: str | None = None, **headers: str) -> Answer:
        sent = {"Authorization": f"Bearer {key or self.raw_key}", **headers}
        return await ask(self.running.app, path.format(tenant=self.tenant), headers=sent)

    async def trust(self) -> Trust:
        keys = (await self.get("/api/v1/tenants/{tenant}/audit_public_keys")).json()
        return Trust(first_key(parse_vkey(keys["data"][0]["vkey"])))


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture(scope="module")
async def written(shared: TestDatabase) -> AsyncIterator[Written]:
    async with service(shared) as running:
        tenant, raw = await tenant_with_key(running.store)
        for number in range(PROJECTS):
            assert (await create(running.app, raw, {"name": "x", "slug": f"project-{number}"})).status == 201
        yield Written(running, tenant, raw)


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_the_checkpoint_is_a_signed_note_of_the_whole_log(written: Written) -> None:
    answer = await written.get("/t/{tenant}/checkpoint")
    head = open_checkpoint(answer.body, await written.trust()).checkpoint
    assert (head.size, head.origin) == (PROJECTS + 2, f"loopctl.example/t/{written.tenant}")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_the_json_head_says_the_same_as_the_note(written: Written) -> None:
    data = (await written.get("/api/v1/audit/sth/{tenant}")).json()["data"]
    checkpoint = parse_checkpoint(parse_note(data["note"].encode()).text)
    assert (data["chain_position"], data["size"]) == (PROJECTS + 1, PROJECTS + 2)
    assert unpadded(data["merkle_root"]) == checkpoint.root
    assert unpadded(data["signature"]) == parse_note(data["note"].encode()).lines[0].signature


@pytest.mark.parametrize("at", ["99", "x", "-1", "1.5", "9" * 30])
async def test_a_head_that_there_is_not_is_not_found(written: Written, at: str) -> None:
    assert (await written.get(f"/api/v1/audit/sth/{{tenant}}?at={at}")).status == 404


async def test_every_entry_is_served_with_the_bytes_that_were_hashed(written: Written) -> None:
    listed = (await written.get("/api/v1/audit/chain")).json()
    assert [entry["chain_position"] for entry in listed["data"]] == list(range(PROJECTS + 2))
    assert [unpadded(entry["entry_hash"]) for entry in listed["data"]] == [
        leaf_hash(entry["entry"].encode()) for entry in listed["data"]
    ]
    assert (listed["has_more"], listed["next_after"]) == (False, PROJECTS + 1)


async def test_the_entries_come_in_pages_without_gap(written: Written) -> None:
    after, positions = -1, []
    while True:
        page = (await written.get(f"/api/v1/audit/chain?after={after}&limit=3")).json()
        positions += [entry["chain_position"] for entry in page["data"]]
        if not page["has_more"]:
            break
        after = page["next_after"]
    assert positions == list(range(PROJECTS + 2))
    end = (await written.get(f"/api/v1/audit/chain?after={page['next_after']}")).json()
    assert (end["data"], end["next_after"]) == ([], PROJECTS + 1), "the end says where to go on, too"


async def test_inclusion_and_consistency_proofs_check(written: Written) -> None:
    root = unpadded((await written.get("/api/v1/audit/sth/{tenant}")).json()["data"]["merkle_root"])
    for index in range(PROJECTS + 2):
        proof = (await written.get(f"/api/v1/audit/proof?kind=inclusion&index={index}")).json()["data"]
        check_inclusion(
            unpadded(proof["leaf_hash"]), index, proof["tree_size"], tuple(map(unpadded, proof["hashes"])), root
        )
    whole = (await written.get("/api/v1/audit/proof?kind=consistency&first=7")).json()["data"]
    assert (whole["tree_size"], whole["hashes"]) == (7, [])
    part = (await written.get("/api/v1/audit/proof?kind=consistency&first=4&size=7")).json()["data"]
    older = await written.running.store.database.run_to_end(written.tenant, lambda tx: root_of(tx, 4))
    check_consistency(4, 7, tuple(map(unpadded, part["hashes"])), older, root)


async def root_of(tx: Any, size: int) -> bytes:
    return await root_at(tx, size)


async def test_a_receipt_checks_offline_against_the_entry_alone(written: Written) -> None:
    listed = (await written.get("/api/v1/audit/chain")).json()["data"]
    answer = await written.get("/api/v1/audit/receipts/3")
    check_receipt(parse_receipt(answer.body), listed[3]["entry"].encode(), await written.trust())


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("kind=inclusion&index=99", 404),
        ("kind=inclusion&index=2&size=99", 404),
        ("kind=consistency&first=8&size=7", 404),
        ("kind=consistency&first=0", 422),
        ("kind=inclusion", 422),
        ("kind=consistency", 422),
        ("kind=other&index=1", 422),
        ("kind=inclusion&index=-1", 422),
    ],
)
async def test_a_proof_of_what_is_not_there_is_refused(written: Written, query: str, status: int) -> None:
    assert (await written.get(f"/api/v1/audit/proof?{query}")).status == status


async def test_tiles_are_public_and_for_ever_and_bundles_are_the_tenants(written: Written) -> None:
    public = await ask(written.running.app, f"/t/{written.tenant}/tile/0/000.p/7")
    bundle = await written.get("/t/{tenant}/tile/entries/000.p/7")
    entries = parse_bundle(Bundle(0, 7), bundle.body)
    assert public.body == b"".join(map(leaf_hash, entries))
    assert public.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert bundle.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (await ask(written.running.app, f"/t/{written.tenant}/tile/entries/000.p/7")).status == 401


@pytest.mark.parametrize(
    "path", ["0/000", "0/000.p/8", "0/001.p/1", "1/000.p/1", "0/00.p/7", "0/000.p/07", "9/000", "x", "entries/000.p/8"]
)
async def test_a_tile_that_there_is_not_or_in_a_second_spelling_is_not_found(written: Written, path: str) -> None:
    assert (await written.get(f"/t/{{tenant}}/tile/{path}")).status == 404


async def test_the_public_key_comes_as_pem_and_as_jwk(written: Written) -> None:
    keys = (await written.get("/api/v1/tenants/{tenant}/audit_public_keys")).json()["data"]
    pem = await written.get("/api/v1/tenants/{tenant}/audit_public_key", Accept="application/x-pem-file")
    jwk = await written.get("/api/v1/tenants/{tenant}/audit_public_key", Accept="application/jwk+json")
    assert pem.body.startswith(b"-----BEGIN PUBLIC KEY-----\n")
    assert jwk.json() == {"kty": "OKP", "crv": "Ed25519", "x": keys[0]["public_key"]}


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/audit/sth/{tenant}",
        "/api/v1/tenants/{tenant}/audit_public_key",
        "/api/v1/tenants/{tenant}/audit_public_keys",
        "/t/{tenant}/checkpoint",
        "/t/{tenant}/tile/0/000.p/1",
    ],
)
async def test_an_unknown_tenant_is_not_found(written: Written, path: str) -> None:
    assert (await ask(written.running.app, path.format(tenant=uuid4()))).status == 404


async def test_another_tenants_key_reads_its_own_log_and_nothing_of_this_one(written: Written) -> None:
    other, raw = await tenant_with_key(written.running.store)
    listed = (await written.get("/api/v1/audit/chain", raw)).json()["data"]
    assert [entry["entity_id"] for entry in listed][:1] == [str(other)]
    assert (await written.get("/t/{tenant}/tile/entries/000.p/1", raw)).status == 404
    assert (await written.get("/api/v1/audit/receipts/5", raw)).status == 404


async def test_a_write_brings_its_receipt_along_when_asked_to(written: Written) -> None:
    _, raw = await tenant_with_key(written.running.store)
    plain = await create(written.running.app, raw, {"name": "x", "slug": "plain"})
    answer = await create(written.running.app, raw, {"name": "x", "slug": "asked"}, Prefer="receipt")
    listed = (await written.get("/api/v1/audit/chain", raw)).json()["data"]
    receipt = parse_receipt(unpadded(answer.headers["loopctl-receipt"]))
    tenant = listed[0]["entity_id"]
    keys = (await ask(written.running.app, f"/api/v1/tenants/{tenant}/audit_public_keys")).json()
    check_receipt(receipt, listed[3]["entry"].encode(), Trust(first_key(parse_vkey(keys["data"][0]["vkey"]))))
    assert (receipt.index, answer.headers["loopctl-position"]) == (3, "3")
    assert "loopctl-receipt" not in plain.headers


async def test_a_replayed_answer_has_its_position_and_brings_a_receipt_that_checks(written: Written) -> None:
    _, raw = await tenant_with_key(written.running.store)
    project = {"name": "x", "slug": "once"}
    first = await create(written.running.app, raw, project, Idempotency_Key="k")
    await create(written.running.app, raw, {"name": "x", "slug": "later"})
    again = await create(written.running.app, raw, project, Idempotency_Key="k", Prefer="receipt")
    assert (again.headers["idempotent-replayed"], again.headers["loopctl-position"]) == ("true", "2")
    assert first.headers["loopctl-position"] == "2"
    listed = (await written.get("/api/v1/audit/chain", raw)).json()["data"]
    receipt = parse_receipt(unpadded(again.headers["loopctl-receipt"]))
    keys = (await ask(written.running.app, f"/api/v1/tenants/{listed[0]['entity_id']}/audit_public_keys")).json()
    check_receipt(receipt, listed[2]["entry"].encode(), Trust(first_key(parse_vkey(keys["data"][0]["vkey"]))))
    assert receipt.index == 2


async def test_the_exported_log_verifies_offline(written: Written, tmp_path: Path) -> None:
    answer = await written.get("/api/v1/audit/export")
    vkey = (await written.get("/api/v1/tenants/{tenant}/audit_public_keys")).json()["data"][0]["vkey"]
    damaged = bytearray(answer.body)
    damaged[answer.body.index(b"project-3")] ^= 1
    assert await asyncio.to_thread(verified, tmp_path / "log.tar", answer.body, vkey) == 0
    assert await asyncio.to_thread(verified, tmp_path / "damaged.tar", bytes(damaged), vkey) == 10


def verified(bundle: Path, content: bytes, vkey: str) -> int:
    """Exit code of the command that an auditor runs."""
    bundle.write_bytes(content)
    command = [str(Path(sys.executable).with_name("loopctl")), "log", "verify", str(bundle), "--vkey", vkey]
    return subprocess.run(command, capture_output=True, cwd=CHECKOUT, timeout=180, check=False).returncode
