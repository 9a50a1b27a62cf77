"""The form of a bundle: which files, in which order, in which wrapping; and that nothing else is taken for one."""

import io
import os
import tarfile
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from loopctl.audit.archive import ArchiveSource, gzip_blocks, read_tar, tar_blocks, tar_header
from loopctl.audit.directory import DirectorySource, write_directory
from loopctl.audit.expected import Expected
from loopctl.audit.export import write_bundle
from loopctl.audit.fault import Fault, Unreadable
from loopctl.audit.keys_file import encode_keys, parse_keys
from loopctl.audit.names import Member, order, parse_path, path
from loopctl.audit.source import LogSource, open_source
from loopctl.audit.verify import verify
from loopctl.tlog.plan import TileReader, read_root
from loopctl.tlog.tile import tile_path, tiles_between
from tests.loopctl.audit.bundles import fault, files, judge
from tests.support.sample_log import LOG_SIGNERS, Plan, make_log

PLAN = Plan(size=600, heads=(0, 100, 256), boundaries=(300,))
LOG = make_log(PLAN)
MEMBERS = list(write_bundle(LOG))
BUNDLE = files(LOG)


def test_the_files_come_in_the_order_in_which_they_can_be_checked() -> None:
    assert [name for name, _ in MEMBERS] == [
        "keys.json",
        "checkpoints/0",
        "checkpoints/100",
        "checkpoints/256",
        "tile/entries/000",
        "tile/0/000",
        "checkpoints/300",
        "tile/entries/001",
        "tile/0/001",
        "checkpoints/600",
        "tile/entries/002.p/88",
        "tile/0/002.p/88",
        "tile/1/000.p/2",
        "checkpoint",
    ]


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 513, 1_000])
def test_logs_of_all_sizes_are_written_and_good(size: int) -> None:
    log = make_log(Plan(size=size, heads=(0,)))
    assert judge(files(log)).verdict == "good"
    assert [name for name, _ in write_bundle(log)] == sorted(files(log), key=lambda name: order(parse_path(name)))


def test_a_full_tile_of_level_one_comes_after_the_group_that_completes_it() -> None:
    log = make_log(Plan(size=65_600, heads=(65_536,)))
    names = [name for name, _ in write_bundle(log)]
    place = names.index("tile/1/000")
    assert names[place - 2 : place + 1] == ["tile/entries/255", "tile/0/255", "tile/1/000"]
    assert names[-3:] == ["tile/0/256.p/64", "tile/2/000.p/1", "checkpoint"]
    assert judge(files(log)).verdict == "good"


def test_a_bundle_is_a_read_replica_for_every_proof() -> None:
    """Its tiles are those that a client asks for."""
    wanted = {tile_path(tile) for tile in tiles_between(0, 600)}
    assert wanted <= set(BUNDLE)
    read = TileReader(600, lambda tiles: [BUNDLE[tile_path(tile)] for tile in tiles])
    assert all(read_root(read, size) == LOG.head(size).root for size in (1, 88, 256, 511, 600))


@pytest.mark.parametrize("name", [name for name, _ in MEMBERS if not name.startswith("checkpoints/1")])
def test_a_missing_file_is_named(name: str) -> None:
    if name in ("checkpoints/0", "checkpoints/256"):  # nobody can know that this head was ever signed
        assert judge({other: data for other, data in BUNDLE.items() if other != name}).verdict == "good"
        return
    found = fault(judge({other: data for other, data in BUNDLE.items() if other != name}))
    first = {"tile/entries/000": "entry 0", "tile/entries/001": "entry 256", "tile/entries/002.p/88": "entry 512"}
    assert (found.code, found.place) == ("member_missing", first.get(name, name))


@pytest.mark.parametrize(
    "name",
    ["checkpoints/601", "tile/0/002", "tile/1/000", "tile/1/000.p/1", "tile/entries/002.p/7", "tile/entries/003"],
)
def test_a_file_of_another_size_is_found(name: str) -> None:
    assert fault(judge({**BUNDLE, name: BUNDLE["checkpoint"]})).check in ("bundle", "entries")


@pytest.mark.parametrize(
    "name",
    [
        "README",
        "tile/0/0",
        "tile/0/1000",
        "tile/x/000",
        "checkpoints/01",
        "checkpoints/",
        "keys.json/",
        "tile/8/000",
        "",
    ],
)
def test_a_name_of_no_bundle_is_refused(name: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_path(name)
    assert caught.value.finding.code == "member_unexpected"


def test_a_strange_name_is_not_repeated_to_the_terminal() -> None:
    with pytest.raises(Fault) as caught:
        parse_path("tile/\x1b[2J")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name, _ in MEMBERS])
def test_every_name_has_one_spelling_and_one_place(name: str) -> None:
    assert path(parse_path(name)) == name
    assert len({order(parse_path(each)) for each in BUNDLE}) == len(BUNDLE)


def test_a_file_that_is_there_twice_is_found() -> None:
    twice = [each for member in MEMBERS for each in ([member, member] if member[0] == "tile/0/001" else [member])]
    found = fault(verify(twice, Expected()))
    assert (found.code, found.place) == ("member_order", "tile/0/001")


def test_files_in_another_order_are_refused() -> None:
    found = fault(verify([MEMBERS[0], MEMBERS[4], MEMBERS[3], *MEMBERS[5:]], Expected()))
    assert found.code == "member_order"


# Wrappings ----------------------------------------------------------------------------------------------------------


def test_every_wrapping_holds_the_same(tmp_path: Path) -> None:
    sources = wrapped(tmp_path)
    assert [list(source.members()) for source in sources] == [MEMBERS] * 3
    assert [source.fraction() for source in sources[:1]] == [1.0]
    assert [verify(source.members(), Expected()).verdict for source in sources] == ["good"] * 3


def test_any_tar_program_unpacks_an_archive() -> None:
    with tarfile.open(fileobj=io.BytesIO(b"".join(tar_blocks(MEMBERS)))) as archive:
        unpacked = [(each.name, _contents(archive, each)) for each in archive.getmembers()]
        assert {(each.mode, each.mtime, each.uid) for each in archive.getmembers()} == {(0o644, 0, 0)}
    assert unpacked == MEMBERS


def test_a_tar_of_another_program_has_to_be_unpacked_first() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in MEMBERS:
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), 1
            archive.addfile(member, io.BytesIO(data))
    with pytest.raises(Unreadable, match="unpack it first"):
        list(read_tar(io.BytesIO(file.getvalue())))


def test_every_bit_of_an_archive_counts() -> None:
    """Headers and padding too, which other programs do not look at."""
    archive = b"".join(tar_blocks(MEMBERS[:3]))
    for bit in range(8 * len(archive)):
        changed = bytearray(archive)
        changed[bit // 8] ^= 1 << bit % 8
        assert outcome(bytes(changed)) != MEMBERS[:3]


@pytest.mark.parametrize("cut", [0, 1, 511, 512, 5_000, -1, -512, -1024])
def test_an_archive_that_was_cut_off_is_unreadable(tmp_path: Path, cut: int) -> None:
    whole = b"".join(tar_blocks(MEMBERS))
    for wrap in (lambda data: data, lambda data: b"".join(gzip_blocks([data]))):
        file = tmp_path / "cut"
        file.write_bytes(wrap(whole)[:cut])
        with pytest.raises(Unreadable):
            list(ArchiveSource(file).members())


def test_bytes_after_the_end_of_an_archive_are_refused() -> None:
    with pytest.raises(Unreadable, match="does not end"):
        list(read_tar(io.BytesIO(b"".join(tar_blocks(MEMBERS)) + bytes(512))))


def test_a_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(Unreadable, match="too large"):
        list(read_tar(io.BytesIO(tar_header("tile/0/000", 8_193))))


def test_nothing_at_the_path_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        open_source(tmp_path / "nothing")


def test_a_directory_holds_plain_files_only(tmp_path: Path) -> None:
    """A link could lead out of the bundle, and reading a pipe waits for ever."""
    write_directory(tmp_path / "log", MEMBERS)
    tile = tmp_path / "log/tile/0/001"
    tile.rename(tmp_path / "elsewhere")
    for make in (partial(tile.symlink_to, tmp_path / "elsewhere"), partial(os.mkfifo, tile)):
        make()
        found = fault(verify(DirectorySource(tmp_path / "log").members(), Expected()))
        assert (found.code, found.place) == ("member_unreadable", "tile/0/001")
        tile.unlink()


def test_a_file_of_a_directory_that_is_too_large_is_found(tmp_path: Path) -> None:
    write_directory(tmp_path / "log", MEMBERS)
    (tmp_path / "log/tile/0/001").write_bytes(bytes(8_193))
    found = fault(verify(DirectorySource(tmp_path / "log").members(), Expected()))
    assert (found.code, found.place) == ("member_too_large", "tile/0/001")


def test_a_bundle_is_never_written_over_something(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")
    with pytest.raises(FileExistsError):
        write_directory(tmp_path, MEMBERS)


def test_checking_needs_the_same_memory_for_a_longer_log() -> None:
    short, long = peak(5_120), peak(25_600)
    assert long < 1.2 * short + 50_000


def test_keeping_the_files_would_need_more_memory_for_a_longer_log() -> None:
    """The control of the measurement."""
    short, long = peak(5_120, keep=True), peak(25_600, keep=True)
    assert long > 1.2 * short + 50_000


# keys.json ----------------------------------------------------------------------------------------------------------


def test_keys_are_read_as_they_were_written() -> None:
    known = parse_keys(encode_keys(LOG.known))
    assert [claim.epoch.key for claim in known.log] == [signer.key for signer in LOG_SIGNERS[:2]]
    assert [claim.epoch.first_size for claim in known.log] == [0, 300]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"purpose":"log"', '"purpose":"timestamp"'),
        ('"first_size":0', '"first_size":1'),
        ('"last_size":300', '"last_size":null'),
        ("loopctl.example", "loopctl.exampel"),
        ("2026-11-21", "2026-11-22"),
        ('"keys":[', '"keys": ['),
        ('"origin"', '"Origin"'),
        ("v1", "v2"),
    ],
)
def test_damaged_keys_are_refused(old: str, new: str) -> None:
    raw = encode_keys(LOG.known).decode()
    assert old in raw
    with pytest.raises(Fault) as caught:
        parse_keys(raw.replace(old, new, 1).encode())
    assert caught.value.finding.place.startswith("keys.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "loopctl.example/t/other"},
        {"keys": LOG.known.keys[1:]},
        {"keys": LOG.known.keys[:1]},
        {"keys": ()},
        {"keys": (*LOG.known.keys[:2], replace(LOG.known.keys[2], purpose="witness", created_at="yesterday"))},
        {"keys": (*LOG.known.keys[:2], replace(LOG.known.keys[2], purpose="log"))},
        {"keys": (*LOG.known.keys[:2], replace(LOG.known.keys[2], first_size=5, last_size=4))},
    ],
)
def test_keys_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Fault):
        parse_keys(encode_keys(replace(LOG.known, **changes)))


def wrapped(folder: Path) -> list[LogSource]:
    write_directory(folder / "log", MEMBERS)
    (folder / "log.tar").write_bytes(b"".join(tar_blocks(MEMBERS)))
    (folder / "log.tar.gz").write_bytes(b"".join(gzip_blocks(tar_blocks(MEMBERS))))
    return [open_source(folder / name) for name in ("log", "log.tar", "log.tar.gz")]


def outcome(archive: bytes) -> list[Member] | None:
    try:
        return list(read_tar(io.BytesIO(archive)))
    except (Unreadable, Fault):
        return None


def peak(size: int, *, keep: bool = False) -> int:
    log = make_log(Plan(size=size))
    kept: list[Member] = []

    def members() -> Iterator[Member]:
        for member in write_bundle(log):
            if keep:
                kept.append(member)
            yield member

    tracemalloc.start()
    assert verify(members(), Expected()).verdict == "good"
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return highest


def _contents(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()
