"""Tiles: paths with one spelling, widths for every size, proofs out of tiles, bundles of entries."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopctl.tlog.errors import TlogError
from loopctl.tlog.plan import TileReader, prove_consistency, prove_inclusion, read_root
from loopctl.tlog.tile import (
    Bundle,
    Tile,
    encode_bundle,
    parse_bundle,
    parse_tile_path,
    partial_tiles,
    tile_at,
    tile_hashes,
    tile_path,
    tiles_between,
)
from tests.loopctl.tlog.samples import WORKED, Reference, rejects, some_leaves

TILES = st.builds(Tile, level=st.integers(0, 3), index=st.integers(0, 10**7), width=st.integers(1, 256)) | st.builds(
    Bundle, index=st.integers(0, 2**54), width=st.integers(1, 256)
)


@pytest.mark.parametrize("case", WORKED["tile_paths"], ids=lambda case: case["path"])
def test_worked_paths_are_made_and_read(case: dict[str, object]) -> None:
    level, index, width, path = case["level"], case["index"], case["width"], case["path"]
    assert isinstance(index, int)
    assert isinstance(width, int)
    tile = Tile(level, index, width) if isinstance(level, int) else Bundle(index, width)
    assert tile_path(tile) == path
    assert parse_tile_path(str(path)) == tile


@given(TILES)
def test_every_path_leads_back_to_its_tile(tile: Tile | Bundle) -> None:
    assert parse_tile_path(tile_path(tile)) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0", "tile/0/0000", "tile/00/000", "tile/8/000", "tile/-1/000", "tile/0/x000/000", "tile/0/001/x002",
        "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000/", "/tile/0/000",
        "tile/0/000.p/1\n", "tile/0/\u0660\u0660\u0660", "tile/data/000", "tile/entries/x000/x000/000",
        "tile/7/x001/000",
        "tile/0/x999/x999/x999/x999/x999/x999/999", "", "tile", "tile/0/000.p/1/", "tile/8/0/000",
    ],
)  # fmt: skip # one path beside the other
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(TlogError) as refused:
        parse_tile_path(path)
    assert refused.value.code in ("tile_malformed", "malformed_number")


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    tiles = list(tiles_between(0, 70_000))
    assert [tile for tile in tiles if tile.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [len([tile for tile in tiles if tile.level == level]) for level in range(4)] == [274, 2, 1, 0]
    assert partial_tiles(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_a_tree_of_256_has_a_full_tile_and_one_of_width_one() -> None:
    assert list(tiles_between(0, 256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]
    assert list(tiles_between(0, 0)) == []


@given(st.integers(0, 200_000), st.integers(0, 2_000))
def test_new_tiles_are_those_that_the_old_tree_did_not_have(old: int, more: int) -> None:
    assert set(tiles_between(old, old + more)) == set(tiles_between(0, old + more)) - set(tiles_between(0, old))


def test_a_tile_beyond_the_tree_does_not_exist() -> None:
    assert tile_at(0, 1, 257) == Tile(0, 1, 1)
    for level, index, size in ((0, 1, 256), (1, 0, 255), (0, -1, 300), (8, 0, 300)):
        with rejects("size_out_of_range"):
            tile_at(level, index, size)


def test_a_tile_has_the_bytes_of_its_width() -> None:
    assert tile_hashes(Tile(0, 0, 2), b"a" * 32 + b"b" * 32) == [b"a" * 32, b"b" * 32]
    for length in (0, 63, 65, 96):
        with rejects("tile_malformed"):
            tile_hashes(Tile(0, 0, 2), bytes(length))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700, 66_000])
def test_proofs_out_of_tiles_are_those_of_the_definition(size: int) -> None:
    reference = Reference(some_leaves(size))
    asked: list[int] = []

    def fetch(tiles: Sequence[Tile]) -> list[bytes]:
        asked.append(len(tiles))
        return [_data(reference, tile) for tile in tiles]

    read = TileReader(size, fetch)
    for index in {0, size // 3, size // 2, size - 1}:
        assert list(prove_inclusion(read, index, size)) == reference.path(index, 0, size)
        assert list(prove_consistency(read, index + 1, size)) == reference.proof(index + 1, 0, size, True)
    assert read_root(read, size) == reference.root(0, size)
    assert max(asked) <= 2 * max(1, -(-(size - 1).bit_length() // 8))


@given(st.lists(st.binary(max_size=50) | st.just(b"x" * 65_535), min_size=1, max_size=5))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    assert parse_bundle(Bundle(0, len(entries)), encode_bundle(entries)) == entries


@pytest.mark.parametrize("wrong", [b"", b"\x00", b"\x00\x01", b"\x00\x01a\x00", b"\x00\x01a\x00\x01", b"\x00\x01aa"])
def test_a_bundle_with_too_much_or_too_little_is_refused(wrong: bytes) -> None:
    for width in (1, 2):
        with rejects("bundle_malformed"):
            parse_bundle(Bundle(0, width), wrong)


def _data(reference: Reference, tile: Tile) -> bytes:
    leaves = 256**tile.level
    first = tile.index * 256
    return b"".join(
        reference.root(element * leaves, (element + 1) * leaves) for element in range(first, first + tile.width)
    )
