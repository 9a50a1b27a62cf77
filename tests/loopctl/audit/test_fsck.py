"""Tiles follow from entries and can be rebuilt; nothing else can, and what contradicts a signed head is left alone."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from loopctl.audit.directory import write_directory
from loopctl.audit.expected import Expected
from loopctl.audit.export import write_bundle
from loopctl.audit.fsck import fsck, text
from loopctl.audit.verify import verify
from tests.support.sample_log import LOG_SIGNERS, THIEF, Plan, make_log, rechained

PLAN = Plan(size=600, heads=(100, 256), boundaries=(300,))
LOG = make_log(PLAN)
MEMBERS = list(write_bundle(LOG))
TRUSTED = Expected(keys=(LOG_SIGNERS[0].key,))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write_directory(tmp_path / "log", MEMBERS)
    return tmp_path / "log"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_good_bundle_is_left_alone(bundle: Path) -> None:
    report = fsck(bundle, TRUSTED, repair=True)
    assert (report.verdict, report.tiles) == ("good", ())
    assert contents(bundle) == dict(MEMBERS)


def damage(bundle: Path) -> list[str]:
    """Wrong, missing, cut off and surplus tiles."""
    (bundle / "tile/0/000").write_bytes(bytes(8_192))
    (bundle / "tile/0/001").unlink()
    (bundle / "tile/1/000.p/2").write_bytes(b"")
    (bundle / "tile/0/002.p/50").write_bytes(bytes(32 * 50))
    return ["tile/0/000", "tile/0/001", "tile/1/000.p/2", "tile/0/002.p/50"]


def test_damaged_tiles_are_listed_and_left_alone_without_repair(bundle: Path) -> None:
    wrong = damage(bundle)
    before = contents(bundle)
    report = fsck(bundle, TRUSTED)
    assert (report.verdict, sorted(report.tiles)) == ("derived_damaged", sorted(wrong))
    assert contents(bundle) == before
    assert "--repair rebuilds them" in text(report)


def test_damaged_tiles_are_rebuilt_byte_for_byte(bundle: Path) -> None:
    wrong = damage(bundle)
    report = fsck(bundle, TRUSTED, repair=True)
    assert (report.verdict, sorted(report.tiles)) == ("repaired", sorted(wrong))
    assert contents(bundle) == dict(MEMBERS)
    assert fsck(bundle, TRUSTED).verdict == "good"


def test_a_repair_that_was_killed_is_taken_up_again(bundle: Path) -> None:
    damage(bundle)
    (bundle / "tile/0/001.new").write_bytes(b"half a tile")
    assert fsck(bundle, TRUSTED, repair=True).verdict == "repaired"
    assert contents(bundle) == dict(MEMBERS)


def test_entries_that_contradict_a_signed_head_are_not_hidden_under_new_tiles(bundle: Path) -> None:
    """The tail was replaced and chained anew; rebuilding the tiles over it would make it look whole."""
    raw = list(LOG.raw)
    raw[500] = raw[500].replace(b"agent:ann", b"agent:eve")
    forged = dict(write_bundle(rechained(replace(LOG, raw=raw), 501)))
    (bundle / "tile/entries/001").write_bytes(forged["tile/entries/001"])
    (bundle / "tile/entries/002.p/88").write_bytes(forged["tile/entries/002.p/88"])
    (bundle / "tile/0/001").unlink()
    before = contents(bundle)
    report = fsck(bundle, TRUSTED, repair=True)
    assert (report.verdict, report.tiles) == ("bad", ())
    assert report.log.fault is not None
    assert (report.log.fault.code, report.log.fault.place) == ("root_differs", "checkpoints/600")
    assert contents(bundle) == before
    assert text(report).startswith("refused:")


def test_with_the_forged_tiles_the_same_bundle_differs_in_nothing_but_its_signed_root(bundle: Path) -> None:
    """The control: what the last test forbids would have made this."""
    raw = list(LOG.raw)
    raw[500] = raw[500].replace(b"agent:ann", b"agent:eve")
    forged = write_bundle(rechained(replace(LOG, raw=raw), 501))
    found = verify(forged, TRUSTED).fault
    assert found is not None
    assert found.code == "root_differs"


@pytest.mark.parametrize(
    ("name", "byte", "place"),
    [
        ("tile/entries/000", 1_200, "entry 4"),  # the first that shows it, its own leaf hash being lost
        ("tile/entries/001", 0, "entry 256"),
        ("checkpoints/256", 40, "checkpoints/256, line 3"),
        ("checkpoint", 23, "checkpoint, line 2"),
        ("keys.json", 40, "keys.json"),
    ],
)
def test_damage_to_anything_else_is_located_and_nothing_is_changed(
    bundle: Path, name: str, byte: int, place: str
) -> None:
    damage(bundle)
    data = bytearray((bundle / name).read_bytes())
    data[byte] ^= 1
    (bundle / name).write_bytes(bytes(data))
    before = contents(bundle)
    report = fsck(bundle, TRUSTED, repair=True)
    assert report.verdict == "bad"
    assert report.log.fault is not None
    assert report.log.fault.place == place
    assert contents(bundle) == before


def test_a_changed_entry_is_located_exactly(bundle: Path) -> None:
    file = bundle / "tile/entries/000"
    file.write_bytes(file.read_bytes().replace(b"Story 200", b"Story 201", 1))
    report = fsck(bundle, TRUSTED, repair=True)
    assert report.log.fault is not None
    assert (report.verdict, report.log.fault.place) == ("bad", "entry 200")


def test_a_bundle_of_another_log_is_not_repaired(bundle: Path) -> None:
    damage(bundle)
    before = contents(bundle)
    assert fsck(bundle, Expected(keys=(THIEF.key,)), repair=True).verdict == "bad"
    assert contents(bundle) == before


def test_unknown_files_are_not_removed(bundle: Path) -> None:
    (bundle / "notes.txt").write_bytes(b"mine")
    report = fsck(bundle, TRUSTED, repair=True)
    assert report.verdict == "bad"
    assert (bundle / "notes.txt").read_bytes() == b"mine"


@pytest.mark.parametrize("repair", [False, True])
def test_folders_within_folders_are_no_bundle_however_deep_they_go(bundle: Path, repair: bool) -> None:
    """Went red while each folder was a call within a call: 1,500 of them ended as a traceback."""
    deep = bundle
    for _ in range(1_500):
        deep /= "d"
        deep.mkdir()
    try:
        report = fsck(bundle, TRUSTED, repair=repair)
    finally:
        os.removedirs(deep)  # pytest would remove them by recursion
    assert report.verdict == "bad"
    assert report.log.fault is not None
    assert report.log.fault.code == "member_unexpected"


def test_what_a_killed_repair_left_goes_and_what_is_called_alike_stays(bundle: Path) -> None:
    for name in ("tile/0/001.new", "keys.json.new", "checkpoints/100.new", "notes.new", "tile/0/002.new/x.new"):
        (bundle / name).parent.mkdir(exist_ok=True)
        (bundle / name).write_bytes(b"?")
    fsck(bundle, TRUSTED, repair=True)
    assert sorted(set(contents(bundle)) - set(dict(MEMBERS))) == ["notes.new", "tile/0/002.new/x.new"]
