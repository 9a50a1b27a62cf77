"""Growing the tree: whatever the batches, the same roots, frontiers and tiles as from the definition."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopctl.tlog.hashing import EMPTY_ROOT, node_hash
from loopctl.tlog.plan import frontier_subtrees, read_frontier, span
from loopctl.tlog.tile import TILE_WIDTH
from loopctl.tlog.tree import EMPTY, Frontier, TileWrite, append_leaves, parse_frontier
from tests.loopctl.tlog.samples import LEAVES, ROOTS, Reference, rejects, some_leaves

MANY = some_leaves(70_000)
REFERENCE = Reference(MANY[:1500])


def test_the_empty_tree_has_the_hash_of_nothing_as_its_root() -> None:
    assert EMPTY.root() == EMPTY_ROOT == ROOTS[0]


def test_leaf_by_leaf_the_roots_are_those_of_certificate_transparency() -> None:
    frontier, roots = EMPTY, [EMPTY.root()]
    for leaf in LEAVES:
        frontier = append_leaves(frontier, [leaf]).frontier
        roots.append(frontier.root())
    assert roots == ROOTS


@given(st.lists(st.integers(0, 300), max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_batches_lead_to_the_tree_of_the_definition(batches: list[int]) -> None:
    frontier = EMPTY
    for batch in batches:
        size = min(frontier.size + batch, len(REFERENCE.leaves))
        frontier = append_leaves(frontier, MANY[frontier.size : size]).frontier
        assert len(frontier.hashes) == size.bit_count()
        assert frontier.root() == REFERENCE.root(0, size)
        assert frontier == read_frontier(REFERENCE.read, size)


def test_the_batched_carries_are_those_of_the_loop_over_single_leaves() -> None:
    for start in (0, 1, 250, 255, 256, 511):
        before, tiles = _grown(start)
        together = append_leaves(before, MANY[start : start + 300])
        frontier, writes = before, list(tiles)
        for leaf in MANY[start : start + 300]:
            growth = append_leaves(frontier, [leaf])
            frontier = growth.frontier
            writes += growth.writes
        assert (frontier, _tiles(writes)) == (together.frontier, _tiles([*tiles, *together.writes]))


@pytest.mark.parametrize("batch", [1000, 4096, 70_000])
def test_captured_tiles_hold_the_levels_of_the_full_tree(batch: int) -> None:
    _, writes = _grown(70_000, batch)
    level, expected = MANY, {}
    for number in (1, 2):
        level = [
            _root(level[start : start + TILE_WIDTH]) for start in range(0, len(level) - TILE_WIDTH + 1, TILE_WIDTH)
        ]
        for index in range(0, len(level), TILE_WIDTH):
            expected[number, index // TILE_WIDTH] = b"".join(level[index : index + TILE_WIDTH])
    assert _tiles(writes) == expected
    assert {key: len(data) // 32 for key, data in expected.items()} == {(1, 0): 256, (1, 1): 17, (2, 0): 1}


@pytest.mark.parametrize("size", [0, 1, 254, 255, 256, 65_535, 65_536, 69_999])
def test_roots_at_the_edges_of_tiles_follow_the_definition(size: int) -> None:
    assert _grown(size)[0].root() == Reference(MANY).root(0, size)


def test_a_tile_is_written_once_in_256_leaves() -> None:
    frontier, _ = _grown(255)
    first, second = append_leaves(frontier, MANY[255:256]), append_leaves(frontier, MANY[255:511])
    assert [(each.level, each.index, each.offset, len(each.data)) for each in first.writes] == [(1, 0, 0, 32)]
    assert second.writes == first.writes


def test_a_frontier_is_stored_as_its_hashes() -> None:
    frontier, _ = _grown(1234)
    assert parse_frontier(1234, frontier.data()) == frontier
    with rejects("frontier_malformed"):
        parse_frontier(1235, frontier.data())
    with rejects("frontier_malformed"):
        parse_frontier(1234, frontier.data()[:-1])
    with rejects("size_out_of_range"):
        parse_frontier(-1, b"")


def test_a_log_does_not_grow_beyond_its_largest_size() -> None:
    full = Frontier(2**63 - 1, tuple(LEAVES[:1]) * 63)
    with rejects("size_out_of_range"):
        append_leaves(full, LEAVES[:1])


def test_a_subtree_lies_within_one_tile() -> None:
    for size in (1, 255, 256, 70_000, 2**40 + 12_345):
        for subtree in frontier_subtrees(size):
            where = span(subtree)
            assert where.offset + where.count <= TILE_WIDTH
            assert (where.first << 8 * where.level) == subtree.index << subtree.level


def _grown(size: int, batch: int = 512) -> tuple[Frontier, list[TileWrite]]:
    frontier, writes = EMPTY, list[TileWrite]()
    while frontier.size < size:
        growth = append_leaves(frontier, MANY[frontier.size : min(size, frontier.size + batch)])
        frontier = growth.frontier
        writes += growth.writes
    return frontier, writes


def _tiles(writes: list[TileWrite]) -> dict[tuple[int, int], bytes]:
    """As a store would put them together; every write has to start where the last one ended."""
    tiles: dict[tuple[int, int], bytes] = {}
    for write in writes:
        data = tiles.get((write.level, write.index), b"")
        assert len(data) == 32 * write.offset
        tiles[write.level, write.index] = data + write.data
    return tiles


def _root(row: list[bytes]) -> bytes:
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]
