"""A log on a server, checked through its tiles: whole with a key of the tenant, its hashes without, in pieces."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from loopctl.audit.expected import Expected
from loopctl.audit.kept import open_kept
from loopctl.audit.remote import full_above
from loopctl.audit.source import open_source
from loopctl.audit.verify import verify
from loopctl.cli.log import app
from loopctl.tlog.tile import Tile
from tests.house.tree import CHECKOUT
from tests.loopctl.audit.remote_log import API_KEY, Server, served_log
from tests.support.sample_log import LOG_SIGNERS, THIEF, Plan, make_log

LOG = make_log(Plan(size=1200, heads=(100, 600), boundaries=(300, 900)))
GOOD, UNREADABLE, USAGE, BAD = 0, 1, 2, 10
COMMAND = "from loopctl.cli.main import main; import sys; sys.argv[0] = 'loopctl'; sys.exit(main())"
ENTRIES, LEAVES, UPPER = "tile/entries/001", "tile/0/001", "tile/1/000.p/4"


class Said(Struct, frozen=True):
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Fsck = Callable[..., Said]


@pytest.fixture
def fsck(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Fsck:
    """With a key of the tenant, in this process: what a process of its own adds is tested below."""
    monkeypatch.setenv("LOOPCTL_API_KEY", API_KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def run(*arguments: object) -> Said:
        try:
            code = app(["fsck", *map(str, arguments), "--json"], result_action="return_value")
        except SystemExit as exited:
            code = exited.code
        captured = capsys.readouterr()
        assert isinstance(code, int)
        return Said(code, captured.out, captured.err)

    return run


@pytest.fixture
def server() -> Iterator[Server]:
    with served_log(LOG) as served:
        yield served


def flipped(data: bytes, place: int = 100) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_a_whole_log_is_checked_with_its_rotations(server: Server, fsck: Fsck) -> None:
    said = fsck(server.log, "--vkey", LOG_SIGNERS[0].key.text())
    assert (said.code, said.json()["size"], len(said.json()["rotations"])) == (GOOD, 1200, 2)


def test_the_key_is_shown_only_where_entries_are_asked_for(server: Server, fsck: Fsck) -> None:
    fsck(server.log)
    assert server.keyed
    assert all("/tile/entries/" in path for path in server.keyed)


@pytest.mark.parametrize(
    ("name", "place"),
    [(ENTRIES, "entry 256"), (LEAVES, "entry 259"), (UPPER, "tile/1/000.p/4, hash 3"), ("checkpoint", "checkpoint")],
)
def test_what_is_wrong_is_named(server: Server, fsck: Fsck, name: str, place: str) -> None:
    server.files[name] = flipped(server.files[name])
    said = fsck(server.log)
    assert said.code == BAD
    assert said.json()["fault"]["place"].startswith(place)


def test_a_tile_that_is_missing_is_named(server: Server, fsck: Fsck) -> None:
    del server.files[LEAVES]
    said = fsck(server.log)
    fault = said.json()["fault"]
    assert (said.code, fault["code"], fault["place"]) == (BAD, "member_missing", LEAVES)


def test_a_partial_tile_that_is_gone_is_cut_from_the_full_one(server: Server, fsck: Fsck) -> None:
    wider = dict(server.files)
    server.serve(make_log(Plan(size=1280, boundaries=(300, 900))))
    full = server.files["tile/0/004"]
    server.files = {**wider, "tile/0/004": full}
    del server.files["tile/0/004.p/176"]
    assert full.startswith(wider["tile/0/004.p/176"])
    assert fsck(server.log).code == GOOD


def test_a_log_of_somebody_else_is_not_the_given_keys(server: Server, fsck: Fsck) -> None:
    said = fsck(server.log, "--vkey", THIEF.key.text())
    assert (said.code, said.json()["fault"]["code"]) == (BAD, "key_unknown")


def test_an_empty_log_is_good(fsck: Fsck) -> None:
    with served_log(make_log(Plan(size=0))) as server:
        assert (fsck(server.log).code, fsck(server.log).json()["size"]) == (GOOD, 0)


# Without a key --------------------------------------------------------------------------------------------------------


@pytest.fixture
def public(fsck: Fsck, monkeypatch: pytest.MonkeyPatch) -> Fsck:
    monkeypatch.delenv("LOOPCTL_API_KEY")
    return fsck


def test_without_a_key_the_hashes_are_checked_and_no_more(server: Server, public: Fsck) -> None:
    said = public(server.log)
    assert (said.code, said.json()["size"], said.json()["entries"]) == (GOOD, 1200, "not checked")
    assert not [path for path in server.asked if "entries" in path]


@pytest.mark.parametrize("name", [LEAVES, UPPER, "checkpoint"])
def test_without_a_key_wrong_hashes_and_heads_are_found(server: Server, public: Fsck, name: str) -> None:
    server.files[name] = flipped(server.files[name])
    assert public(server.log).code == BAD


def test_the_key_may_be_an_option(server: Server, public: Fsck) -> None:
    assert "entries" not in public(server.log, "--api-key", API_KEY).json()


# In pieces ------------------------------------------------------------------------------------------------------------


def test_an_interrupted_check_goes_on_with_what_it_has(server: Server, fsck: Fsck, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    server.refusals[f"/t/{server.log[-36:]}/tile/entries/003"] = [403]
    assert fsck(server.log, "--keep", kept).code == UNREADABLE
    server.asked.clear()
    assert fsck(server.log, "--keep", kept).code == GOOD
    assert not [path for path in server.asked if path.endswith(("entries/000", "entries/001", "0/000"))]
    assert [path for path in server.asked if path.endswith("entries/003")]


def test_what_is_kept_is_an_export_in_the_end_also_of_a_log_that_has_grown(
    server: Server, fsck: Fsck, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    for size in (1200, 1700):
        server.serve(make_log(Plan(size=size, heads=(100, 600, 1200), boundaries=(300, 900))))
        assert fsck(server.log, "--keep", kept).code == GOOD
        report = verify(open_source(kept).members(), Expected())
        assert (report.fault, report.size) == (None, size)


def test_a_log_that_was_put_back_is_told_from_the_head_that_was_kept(
    server: Server, fsck: Fsck, tmp_path: Path
) -> None:
    assert fsck(server.log, "--keep", tmp_path).code == GOOD
    server.serve(make_log(Plan(size=1100, boundaries=(300, 900))))
    assert fsck(server.log).code == GOOD, "nothing on the server can show it"
    said = fsck(server.log, "--keep", tmp_path)
    assert (said.code, said.json()["fault"]["code"]) == (BAD, "stale")


def test_a_kept_file_that_was_damaged_is_not_held_against_the_server(
    server: Server, fsck: Fsck, tmp_path: Path
) -> None:
    assert fsck(server.log, "--keep", tmp_path).code == GOOD
    file = tmp_path / ENTRIES
    file.write_bytes(flipped(file.read_bytes()))
    assert fsck(server.log, "--keep", tmp_path).code == GOOD


def test_a_directory_of_other_things_is_left_alone(server: Server, fsck: Fsck, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert fsck(server.log, "--keep", tmp_path).code == UNREADABLE
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_directory_is_one_checks_at_a_time(server: Server, fsck: Fsck, tmp_path: Path) -> None:
    """Two wrote their unfinished files under one name, and removed each other's."""
    with open_kept(tmp_path):
        said = fsck(server.log, "--keep", tmp_path)
        assert (said.code, "another check" in said.out) == (UNREADABLE, True)
    assert fsck(server.log, "--keep", tmp_path).code == GOOD


def test_nothing_is_kept_of_a_log_whose_entries_cannot_be_read(server: Server, public: Fsck, tmp_path: Path) -> None:
    said = public(server.log, "--keep", tmp_path / "kept")
    assert (said.code, "LOOPCTL_API_KEY" in said.err) == (USAGE, True)


def test_a_directory_is_not_kept_elsewhere(fsck: Fsck, tmp_path: Path) -> None:
    assert fsck(tmp_path, "--keep", tmp_path / "kept").code == USAGE


# Servers that do not answer -------------------------------------------------------------------------------------------


def test_what_passes_is_asked_again(server: Server, fsck: Fsck) -> None:
    server.refusals[f"/t/{server.log[-36:]}/{LEAVES}"] = [503, 429]
    assert fsck(server.log).code == GOOD


def test_a_key_that_may_not_read_is_no_fault_of_the_log(server: Server, fsck: Fsck) -> None:
    said = fsck(server.log, "--api-key", "another")
    assert (said.code, said.json()["verdict"]) == (UNREADABLE, "unreadable")


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/nowhere", "https://example.org", "http:///t/x"])
def test_an_address_of_no_log_is_refused_before_anything_is_asked(fsck: Fsck, address: str) -> None:
    assert fsck(address).code == UNREADABLE


def test_a_server_is_not_repaired_from_here(server: Server, fsck: Fsck) -> None:
    assert fsck(server.log, "--repair").code == USAGE


def test_as_a_process_it_says_good_and_shows_no_progress_to_a_file(server: Server) -> None:
    others = {name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")}
    environment = {**others, "LOOPCTL_API_KEY": API_KEY, "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-c", COMMAND, "log", "fsck", server.log]
    done = subprocess.run(
        command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=180, check=False
    )
    assert (done.returncode, done.stderr) == (GOOD, "")
    assert done.stdout.startswith("good: loopctl.example/t/acme, 1,200 entries")


def test_tiles_of_higher_levels_come_with_the_group_that_completes_them() -> None:
    assert list(full_above(254)) == []
    assert list(full_above(255)) == [Tile(1, 0)]
    assert list(full_above(65_535)) == [Tile(1, 255), Tile(2, 0)]
