"""Proofs, roots and tiles out of PostgreSQL, checked by the code that clients check them with."""

import random
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest
from msgspec import Struct

from eventstore.database.transaction import Database, TenantTx
from eventstore.heads.tree import (
    consistency_proof,
    frontier_at,
    inclusion_proof,
    read_bundle,
    read_tile,
    receipt,
)
from loopctl.tlog.chain import Chunk, verify_entries
from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import EMPTY_ROOT, leaf_hash, subtree_root
from loopctl.tlog.proof import check_consistency, check_inclusion
from loopctl.tlog.receipt import parse_receipt
from loopctl.tlog.tile import Bundle, Tile, parse_bundle, partial_tiles, tile_hashes, tiles_between
from loopctl.tlog.tree import EMPTY, append_leaves
from tests.eventstore.growing import Counting, grow, opened_log, root_at
from tests.support.database import TestDatabase, connected, copied_database, session

SMALL = 70
LARGE = 70_000
EDGES = (1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_792, 69_999, LARGE)


class Log(Struct, frozen=True):
    tenant: UUID
    leaves: Sequence[bytes]

    def root(self, size: int) -> bytes:
        return append_leaves(EMPTY, self.leaves[:size]).frontier.root()


@pytest.fixture(scope="module")
async def made(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture(scope="module")
async def app(made: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(made.app_url, role="loopctl_app")
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def small(app: Database) -> Log:
    tenant = await opened_log(app)
    return Log(tenant, await grow(app, tenant, SMALL, batch=7))


@pytest.fixture(scope="module")
async def large(app: Database) -> Log:
    tenant = await opened_log(app)
    return Log(tenant, await grow(app, tenant, LARGE))


def sampled(seed: int, count: int) -> list[tuple[int, int]]:
    """Sizes of the large log, and for each a number from 0 that is smaller."""
    numbers = random.Random(seed)
    sizes = [*EDGES, *(numbers.randint(1, LARGE) for _ in range(count))]
    return [(numbers.choice((0, size - 1, size // 2, numbers.randrange(size))), size) for size in sizes]


async def test_every_inclusion_proof_up_to_70_entries_checks(app: Database, small: Log) -> None:
    roots = {size: small.root(size) for size in range(SMALL + 1)}
    async with app.tenant_transaction(small.tenant) as tx:
        for size in range(1, SMALL + 1):
            for index in range(size):
                proof = await inclusion_proof(tx, index, size)
                check_inclusion(small.leaves[index], index, size, proof, roots[size])


async def test_every_consistency_proof_up_to_70_entries_checks(app: Database, small: Log) -> None:
    roots = {size: small.root(size) for size in range(SMALL + 1)}
    async with app.tenant_transaction(small.tenant) as tx:
        for new in range(1, SMALL + 1):
            for old in range(1, new + 1):
                proof = await consistency_proof(tx, old, new)
                check_consistency(old, new, proof, roots[old], roots[new])


async def test_sampled_inclusion_proofs_of_a_large_log_check(app: Database, large: Log) -> None:
    async with app.tenant_transaction(large.tenant) as tx:
        for index, size in sampled(seed=1, count=25):
            proof = await inclusion_proof(tx, index, size)
            assert len(proof) <= (size - 1).bit_length()
            check_inclusion(large.leaves[index], index, size, proof, large.root(size))


async def test_sampled_consistency_proofs_of_a_large_log_check(app: Database, large: Log) -> None:
    async with app.tenant_transaction(large.tenant) as tx:
        for old, new in sampled(seed=2, count=25):
            proof = await consistency_proof(tx, max(old, 1), new)
            check_consistency(max(old, 1), new, proof, large.root(max(old, 1)), large.root(new))


async def test_a_proof_or_a_root_is_one_statement(app: Database, small: Log, large: Log) -> None:
    async with app.tenant_transaction(small.tenant) as tx:
        for index, size in ((0, 1), (0, SMALL), (SMALL - 1, SMALL)):
            assert await statements(tx, index, size) == [1, 1, 1]
    async with app.tenant_transaction(large.tenant) as tx:
        for index, size in sampled(seed=3, count=5):
            assert await statements(tx, index, size) == [1, 1, 1]


async def statements(tx: TenantTx, index: int, size: int) -> list[int]:
    """How many each of an inclusion proof, a consistency proof and a root takes."""
    counters = [Counting(tx) for _ in range(3)]
    await inclusion_proof(counters[0].tx, index, size)
    await consistency_proof(counters[1].tx, max(index, 1), size)
    await root_at(counters[2].tx, size)
    return [counter.statements for counter in counters]


async def test_roots_are_those_of_the_entries(app: Database, large: Log) -> None:
    async with app.tenant_transaction(large.tenant) as tx:
        assert await root_at(tx, 0) == EMPTY_ROOT
        for size in EDGES:
            assert await root_at(tx, size) == large.root(size)
            assert await frontier_at(tx, size) == append_leaves(EMPTY, large.leaves[:size]).frontier


async def test_what_the_log_has_not_reached_is_refused(app: Database, small: Log) -> None:
    async with app.tenant_transaction(small.tenant) as tx:
        beyond = (
            inclusion_proof(tx, 0, SMALL + 1),
            inclusion_proof(tx, SMALL, SMALL),
            inclusion_proof(tx, -1, SMALL),
            inclusion_proof(tx, 0, 2**63 - 1),
            consistency_proof(tx, SMALL + 1, SMALL + 1),
            consistency_proof(tx, 0, SMALL),
            consistency_proof(tx, SMALL, SMALL - 1),
            root_at(tx, SMALL + 1),
        )
        for asked in beyond:
            with pytest.raises(TlogError):
                await asked
    async with app.tenant_transaction(await opened_log(app)) as tx:
        with pytest.raises(TlogError):
            await inclusion_proof(tx, 0, 1)


async def test_the_proofs_of_one_tenant_are_not_there_for_another(app: Database, small: Log) -> None:
    async with app.tenant_transaction(await opened_log(app)) as tx:
        with pytest.raises(TlogError):
            await inclusion_proof(tx, 0, SMALL)
        assert await read_tile(tx, Tile(0, 0, 1)) is None
        assert await read_bundle(tx, Bundle(0, 1)) is None


async def test_all_tiles_of_a_large_log_are_the_subtrees_that_they_name(app: Database, large: Log) -> None:
    hashes: dict[tuple[int, int], list[bytes]] = {}
    async with app.tenant_transaction(large.tenant) as tx:
        for tile in tiles_between(0, LARGE):
            data = await read_tile(tx, tile)
            assert data is not None
            hashes[tile.level, tile.index] = tile_hashes(tile, data)
    assert [leaf for (level, _), row in sorted(hashes.items()) if level == 0 for leaf in row] == list(large.leaves)
    for (level, index), row in hashes.items():
        for element, value in enumerate(row if level else ()):
            assert value == subtree_root(hashes[level - 1, 256 * index + element])


async def test_partial_tiles_of_an_older_size_stay_to_be_had(app: Database, large: Log) -> None:
    async with app.tenant_transaction(large.tenant) as tx:
        for tile in partial_tiles(66_000):
            data = await read_tile(tx, tile)
            assert data is not None
            assert len(data) == 32 * tile.width
        assert await read_tile(tx, Tile(2, 0, 2)) is None
        assert await read_tile(tx, Tile(0, LARGE // 256, LARGE % 256 + 1)) is None


async def test_bundles_hold_the_entries_of_their_tile_and_verify(app: Database, small: Log, large: Log) -> None:
    async with app.tenant_transaction(small.tenant) as tx:
        data = await read_bundle(tx, Bundle(0, SMALL))
        assert data is not None
        assert await read_bundle(tx, Bundle(0, SMALL + 1)) is None
    *_, checked = verify_entries([Chunk(parse_bundle(Bundle(0, SMALL), data))])
    assert checked.head.frontier.root() == small.root(SMALL)
    async with app.tenant_transaction(large.tenant) as tx:
        full = await read_bundle(tx, Bundle(3))
    assert [leaf_hash(entry) for entry in parse_bundle(Bundle(3), full or b"")] == large.leaves[768:1024]


async def test_a_receipt_has_its_form_and_its_path(app: Database, large: Log) -> None:
    async with app.tenant_transaction(large.tenant) as tx:
        made = await receipt(tx, 4711, LARGE, b"a note\n")
    read = parse_receipt(made.encode())
    check_inclusion(large.leaves[4711], read.index, LARGE, read.path, large.root(LARGE))


async def test_a_changed_leaf_hash_spoils_the_proofs_that_need_it(app: Database, made: TestDatabase) -> None:
    """The checks above can fail."""
    tenant = await opened_log(app)
    leaves = await grow(app, tenant, 5)
    root = append_leaves(EMPTY, leaves).frontier.root()
    async with session(made.admin_url) as connection, connection.transaction():
        await connection.execute("ALTER TABLE app.log_entry DISABLE TRIGGER refuse_change")
        await connection.execute(
            "UPDATE app.log_entry SET leaf_hash = sha256(leaf_hash) WHERE tenant_id = $1 AND position = 1", tenant
        )
        await connection.execute("ALTER TABLE app.log_entry ENABLE ALWAYS TRIGGER refuse_change")
    async with app.tenant_transaction(tenant) as tx:
        with pytest.raises(TlogError):
            check_inclusion(leaves[0], 0, 5, await inclusion_proof(tx, 0, 5), root)
