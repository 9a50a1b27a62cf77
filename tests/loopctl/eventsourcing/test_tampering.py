"""What is not the log that was signed is refused as a whole: no event of it is ever handed on."""

import random
from pathlib import Path

import pytest
from eventsourcing.persistence import ProgrammingError
from msgspec.structs import replace

from loopctl.audit.archive import tar_blocks
from loopctl.audit.directory import write_directory
from loopctl.audit.export import write_bundle
from loopctl.eventsourcing import LogRecorder, NotVerified, Unavailable, open_bundle
from loopctl.eventsourcing.logs import BundleLog, trusted
from tests.loopctl.audit.bundles import NO_ENTRIES, files
from tests.loopctl.eventsourcing.sample import VKEY, exported, log
from tests.support.sample_log import THIEF

LOG = log(300, boundaries=(270,))
FILES = files(LOG)


def flipped(data: bytes, bit: int) -> bytes:
    place = bit // 8
    return data[:place] + bytes([data[place] ^ 1 << bit % 8]) + data[place + 1 :]


def with_flip(folder: Path, name: str, bit: int) -> Path:
    write_directory(folder, {**FILES, name: flipped(FILES[name], bit)}.items())
    return folder


def test_the_untampered_export_is_read(tmp_path: Path) -> None:
    """The control of everything below."""
    with open_bundle(exported(LOG, tmp_path / "log.tar"), [VKEY]) as recorder:
        assert recorder.max_notification_id() == 300


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_flipped_bit_of_any_file_is_refused(tmp_path: Path, name: str) -> None:
    source = random.Random(name)
    for number in range(8):
        folder = with_flip(tmp_path / str(number), name, source.randrange(8 * len(FILES[name])))
        with pytest.raises(NotVerified):
            open_bundle(folder, [VKEY])


def test_flipped_bits_of_the_archive_are_refused(tmp_path: Path) -> None:
    whole = b"".join(tar_blocks(write_bundle(LOG)))
    source = random.Random(7)
    for _ in range(40):
        damaged = tmp_path / "damaged.tar"
        damaged.write_bytes(flipped(whole, source.randrange(8 * len(whole))))
        with pytest.raises((NotVerified, Unavailable)):
            open_bundle(damaged, [VKEY])


def test_the_finding_says_what_is_wrong_where(tmp_path: Path) -> None:
    with pytest.raises(NotVerified) as refused:
        open_bundle(with_flip(tmp_path / "x", "tile/entries/000", 8 * 100), [VKEY])
    assert (refused.value.finding.check, refused.value.finding.place) == ("entries", "entry 0")


def test_a_bit_is_handed_on_when_entries_are_not_looked_at(tmp_path: Path) -> None:
    """The control: the same flip, with a verifier that believes the recorded leaf hashes."""
    raw = FILES["tile/entries/000"]
    folder = with_flip(tmp_path / "x", "tile/entries/000", 8 * raw.index(b"Story 0") + 8 * 6)
    with LogRecorder(BundleLog(folder, trusted([VKEY]), NO_ENTRIES)) as recorder:
        assert b"Story 1" in recorder.select_notifications(1, 1)[0].state
    with pytest.raises(NotVerified):
        open_bundle(folder, [VKEY])


def test_a_log_that_is_whole_but_of_another_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotVerified) as refused:
        open_bundle(exported(LOG, tmp_path / "log.tar"), [THIEF.key.text()])
    assert refused.value.finding.code == "key_unknown"


def test_entries_that_were_chained_anew_are_not_those_that_were_signed(tmp_path: Path) -> None:
    other = log(300, entities=9)
    forged = replace(LOG, raw=other.raw, hashes=other.hashes)
    with pytest.raises(NotVerified) as refused:
        open_bundle(exported(forged, tmp_path / "log.tar"), [VKEY])
    assert refused.value.finding.code == "root_differs"
    with open_bundle(exported(other, tmp_path / "log.tar"), [VKEY]) as recorder:  # the control: with its own heads
        assert recorder.max_notification_id() == 300


def test_an_older_export_is_refused_by_who_has_kept_a_head(tmp_path: Path) -> None:
    place = exported(log(200), tmp_path / "log.tar")
    with open_bundle(place, [VKEY]) as recorder:
        assert recorder.max_notification_id() == 200
    with pytest.raises(NotVerified) as refused:
        open_bundle(place, [VKEY], log(250).newest_note)
    assert refused.value.finding.code == "stale"


def test_without_a_key_there_is_nothing_to_verify_against(tmp_path: Path) -> None:
    with pytest.raises(ProgrammingError, match="key of the log is needed"):
        open_bundle(exported(LOG, tmp_path / "log.tar"), [])


@pytest.mark.parametrize("vkey", ["", "no key", VKEY[:-3]])
def test_what_is_no_key_is_said_to_be_none(tmp_path: Path, vkey: str) -> None:
    with pytest.raises(ProgrammingError, match="no such thing"):
        open_bundle(exported(LOG, tmp_path / "log.tar"), [vkey])


def test_where_there_is_no_export_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no bundle"):
        open_bundle(tmp_path / "nowhere", [VKEY])
    (tmp_path / "cut.tar").write_bytes(exported(LOG, tmp_path / "log.tar").read_bytes()[:5000])
    with pytest.raises(Unavailable, match="cut off"):
        open_bundle(tmp_path / "cut.tar", [VKEY])
