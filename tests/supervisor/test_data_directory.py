"""The data directory: its lock, its leftovers, its paths."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from config.refusal import StartRefused
from supervisor.data_directory import LONGEST_SOCKET_PATH, DataDirectory
from tests.support.guarded import guarded


def test_two_cannot_have_it_and_the_second_is_told_who_does(tmp_path: Path) -> None:
    with (
        DataDirectory(tmp_path).taken(),
        pytest.raises(StartRefused, match=rf"Another loopctl \(process {os.getpid()}\)"),
        DataDirectory(tmp_path).taken(),
    ):
        raise AssertionError("both have it")


def test_a_lock_file_left_by_a_dead_process_locks_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "up.lock").write_text("1")
    with DataDirectory(tmp_path).taken():
        assert (tmp_path / "up.lock").read_text() == str(os.getpid())


def test_only_the_owner_can_look_inside(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "data").taken():
        modes = {path: (tmp_path / "data" / path).stat().st_mode & 0o777 for path in ("", "keys", "logs", "run")}
    assert modes == {"": 0o711, "keys": 0o700, "logs": 0o700, "run": 0o711}


def test_what_an_earlier_run_left_is_ended(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    with data.taken():
        left = guarded(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))
        data.remember_child(left.pid)
        assert data.end_left_over_children() == 1
        left.wait(timeout=5)
        assert not psutil.pid_exists(left.pid)
        assert data.end_left_over_children() == 0


def test_a_process_that_only_has_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    with data.taken():
        mine = psutil.Process()
        (tmp_path / "run" / "children.json").write_text(f'{{"{mine.pid}": {mine.create_time() - 60}}}')
        assert data.end_left_over_children() == 0


def test_a_list_of_children_cut_short_by_a_crash_is_no_obstacle(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    with data.taken():
        (tmp_path / "run" / "children.json").write_text('{"12')
        assert data.end_left_over_children() == 0


def test_a_socket_whose_path_would_be_too_long_goes_to_a_private_temporary_folder(tmp_path: Path) -> None:
    short = DataDirectory(Path("/tmp/x"))  # noqa: S108  # only its length matters
    deep = DataDirectory(tmp_path / ("d" * 100))
    assert short.socket_directory("postgres") == Path("/tmp/x/run/postgres")  # noqa: S108  # as above
    outside = deep.socket_directory("postgres")
    assert len(str(outside)) < LONGEST_SOCKET_PATH
    assert outside.parent.stat().st_mode & 0o077 == 0o011
    assert deep.socket_directory("postgres") == outside
    outside.parent.rmdir()


def test_a_large_log_of_an_earlier_run_is_kept_once(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    with data.taken():
        log = data.log_file("api")
        log.write_bytes(b"x" * (9 * 1024 * 1024))
        assert not data.log_file("api").exists()
        assert (tmp_path / "logs" / "api.log.1").stat().st_size == 9 * 1024 * 1024
