"""A directory of exported files behind nginx is a complete read replica of the log (spec 05, R14)."""

import random
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from msgspec import Struct

from api.log.export import export_bundle
from api.log.reading import LogReader
from eventstore.database.transaction import Database
from eventstore.heads.tree import consistency_proof, inclusion_proof
from loopctl.audit.archive import ArchiveSource
from loopctl.audit.directory import write_directory
from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.plan import TileReader, prove_consistency, prove_inclusion
from loopctl.tlog.proof import check_inclusion
from loopctl.tlog.receipt import Receipt
from loopctl.tlog.tile import Bundle, Tile, parse_bundle, tile_path
from tests.eventstore.growing import KEYRING, grow, opened_log
from tests.house.tree import CHECKOUT
from tests.support.database import TestDatabase, connected
from tests.support.guarded import guarded
from tests.support.nginx import find

pytestmark = pytest.mark.nginx

SIZE = 1300
SITE = CHECKOUT / "deploy" / "log-replica.nginx.conf"
CONFIGURATION = """
daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
events {{ }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {root}; include {site}; }}
}}
"""


class Replica(Struct, frozen=True):
    """Ours, and the copy of it that is all a client can see."""

    log: LogReader
    database: Database
    tenant: UUID
    get: Callable[[str], httpx2.Response]

    def tiles(self, tiles: Sequence[Tile]) -> list[bytes]:
        return [self.get(tile_path(tile)).content for tile in tiles]

    def head(self) -> Checkpoint:
        return parse_checkpoint(parse_note(self.get("checkpoint").content).text)


@pytest.fixture
async def replica(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Replica]:
    opened = await connected(database.app_url, role="loopctl_app")
    tenant, log = await opened_log(opened), LogReader(opened, KEYRING)
    await grow(opened, tenant, SIZE)
    archive = tmp_path / "log.tar"
    archive.write_bytes(b"".join([block async for block in export_bundle(log, tenant)]))
    write_directory(tmp_path / "log", ArchiveSource(archive).members())
    tmp_path.chmod(0o755)
    with nginx(tmp_path) as get:
        yield Replica(log, opened, tenant, get)
    await opened.close()


@contextmanager
def nginx(folder: Path) -> Iterator[Callable[[str], httpx2.Response]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for parent in (folder, *folder.parents[:3]):  # one more where tests run side by side
        parent.chmod(parent.stat().st_mode | 0o055)  # its workers are somebody else
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=port, root=folder / "log", site=SITE))
    command = [str(find()), "-e", "stderr"]
    process = guarded(subprocess.Popen([*command, "-c", str(folder / "nginx.conf")], stderr=subprocess.PIPE))
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=5) as client:
            wait_until_up(client, process)
            yield client.get
    finally:
        process.terminate()
        process.communicate(timeout=10)


def wait_until_up(client: httpx2.Client, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            client.get("/")
        except httpx2.TransportError:
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.02)
        else:
            return
    raise AssertionError("nginx does not answer")


async def test_proofs_made_from_the_files_are_ours(replica: Replica) -> None:
    chance, head = random.Random(3), replica.head()
    read = TileReader(head.size, replica.tiles)
    async with replica.database.tenant_transaction(replica.tenant) as tx:
        for _ in range(40):
            index, old = chance.randrange(head.size), chance.randrange(1, head.size)
            assert prove_inclusion(read, index, head.size) == await inclusion_proof(tx, index, head.size)
            assert prove_consistency(read, old, head.size) == await consistency_proof(tx, old, head.size)


async def test_a_receipt_made_from_the_files_is_ours_byte_for_byte(replica: Replica) -> None:
    note, head = replica.get("checkpoint").content, replica.head()
    proof = prove_inclusion(TileReader(head.size, replica.tiles), 1234, head.size)
    assert Receipt(1234, proof, note).encode() == await replica.log.receipt(replica.tenant, 1234)


async def test_every_entry_of_the_files_is_in_the_signed_tree(replica: Replica) -> None:
    head = replica.head()
    assert head.size == SIZE
    bundle = Bundle(SIZE // 256, SIZE % 256)
    entries = parse_bundle(bundle, replica.get(tile_path(bundle)).content)
    leaves = replica.tiles([Tile(0, bundle.index, bundle.width)])[0]
    for number in range(len(entries)):
        index = 256 * bundle.index + number
        proof = prove_inclusion(TileReader(head.size, replica.tiles), index, head.size)
        check_inclusion(leaves[32 * number : 32 * number + 32], index, head.size, proof, head.root)


async def test_files_say_how_long_they_may_be_kept(replica: Replica) -> None:
    said = {
        path: (replica.get(path).headers["content-type"], replica.get(path).headers["cache-control"])
        for path in ("checkpoint", "tile/0/000", "tile/entries/000")
    }
    assert said == {
        "checkpoint": ("text/plain; charset=utf-8", "public, max-age=1"),
        "tile/0/000": ("application/octet-stream", "public, max-age=31536000, immutable"),
        "tile/entries/000": ("application/octet-stream", "private, max-age=31536000, immutable"),
    }


async def test_a_changed_file_makes_a_proof_that_does_not_check(replica: Replica, tmp_path: Path) -> None:
    """The control."""
    tile = tmp_path / "log" / "tile" / "0" / "000"
    tile.write_bytes(bytes([tile.read_bytes()[0] ^ 1]) + tile.read_bytes()[1:])
    head = replica.head()
    async with replica.database.tenant_transaction(replica.tenant) as tx:
        assert prove_inclusion(TileReader(head.size, replica.tiles), 1, head.size) != await inclusion_proof(
            tx, 1, head.size
        )
