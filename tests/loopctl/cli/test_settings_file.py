"""What is kept is not lost: a file that is not understood is refused with its line, and never written over."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from loopctl.cli.settings_file import change_settings, read_settings
from loopctl.cli.whole_file import answer_file, held, write_whole
from tests.loopctl.cli.shell import Shell
from tests.support.guarded import guarded

KEPT = '{\n  "server": "http://127.0.0.1:4000",\n  "orch_key": "lc_0123456789"\n}\n'
NOT_UNDERSTOOD = {
    "a comma too many": (b'{\n "server": "http://x",\n}\n', "line 3"),
    "cut off": (b'{\n "server": "http://x",\n "api_key": "lc_', "line 3"),
    "two values": (b'{}\n{}\n', "line 2"),
    "a list": (b'["http://x"]', "line 1"),
    "a text": (b'"http://x"', "line 1"),
    "a number as value": (b'{\n "server": "http://x",\n "project": 7\n}', "line 3"),
    "null as value": (b'{\n "server": null\n}', "line 2"),
    "an object as value": (b'{\n "server": {"url": "http://x"}\n}', "line 2"),
    "a setting that there is not": (b'{\n "sever": "http://x"\n}', "line 2"),
    "a setting twice": (b'{\n "server": "http://x",\n "server": "http://y"\n}', "line 3"),
    "Latin-1": (b'{\n "project": "caf\xe9"\n}', "line 2"),
    "brackets": (b"[" * 100_000, "line 1"),
    "a long number": (b"9" * 10_000, "JSON"),
}  # fmt: skip
CHANGES = (
    ("config", "set", "project", "p"),
    ("auth", "logout"),
    ("auth", "login", "--server", "http://127.0.0.1:9", "--key", "lc_x"),
)
READS = (("config", "show"), ("config", "get", "server"), ("next",), ("auth", "whoami"), ("doctor",))


def keep(shell: Shell, content: bytes) -> None:
    shell.config.parent.mkdir(exist_ok=True)
    shell.config.write_bytes(content)


@pytest.mark.parametrize("what", NOT_UNDERSTOOD)
def test_what_is_not_understood_is_refused_with_its_line_and_stays(alone: Shell, what: str) -> None:
    """Went red while such a file counted as empty: `config set` wrote over its keys, `doctor` called it good."""
    content, place = NOT_UNDERSTOOD[what]
    keep(alone, content)
    for arguments in (*CHANGES, *READS):
        said = alone(*arguments)
        assert said.code == (10 if arguments == ("doctor",) else 2), (arguments, said)
        assert str(alone.config) in (said.err + said.out), arguments
        assert place in (said.err + said.out), arguments
        assert (said.err + said.out).count("Traceback") == 0
    assert alone.config.read_bytes() == content


def test_what_is_understood_is_changed(alone: Shell) -> None:
    """The control: the same commands go through, and what they do not name stays."""
    keep(alone, KEPT.encode())
    assert alone("config", "set", "project", "p").code == 0
    expected = {"server": "http://127.0.0.1:4000", "orch_key": "lc_01234…", "project": "p"}
    assert alone.good("config", "show") == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_what_editors_make_is_read(alone: Shell, encoding: str) -> None:
    keep(alone, KEPT.replace("\n", "\r\n").encode(encoding))
    assert alone("config", "get", "orch_key").out == "lc_0123456789\n"


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_nothing_in_the_file_is_nothing_to_lose(alone: Shell, content: bytes) -> None:
    keep(alone, content)
    assert alone.good("config", "show") == {}


def test_a_file_that_cannot_be_read_is_said(alone: Shell) -> None:
    alone.config.mkdir(parents=True)
    said = alone("config", "show")
    assert (said.code, "cannot be read" in said.error()["error"]["message"]) == (2, True)


def test_a_misspelt_setting_is_refused_with_what_is_meant(alone: Shell) -> None:
    said = alone("config", "set", "sever", "http://x")
    assert (said.code, said.error()["hint"]) == (2, "Perhaps server is meant")


@pytest.mark.parametrize(("name", "value"), [("server", "127.0.0.1:4000"), ("user_key", "lc_1 2"), ("format", "xml")])
def test_a_value_that_no_command_could_use_is_refused(alone: Shell, name: str, value: str) -> None:
    assert (alone("config", "set", name, value).code, alone.config.exists()) == (2, False)


def test_a_misspelt_variable_is_said(alone: Shell) -> None:
    alone.environment(SERVER="http://127.0.0.1:9", FROMAT="human", TOOLS="all")
    said = alone("config", "show")
    assert said.err == "LOOPCTL_FROMAT is no setting and does nothing; perhaps LOOPCTL_FORMAT is meant\n"


def test_only_the_owner_reads_what_is_kept_also_where_others_could(alone: Shell) -> None:
    keep(alone, KEPT.encode())
    alone.config.chmod(0o644)
    alone("config", "set", "project", "p")
    assert stat.S_IMODE(alone.config.stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    kept, link = tmp_path / "dotfiles.json", tmp_path / "config.json"
    kept.write_text(KEPT)
    link.symlink_to(kept)
    change_settings(link, {"project": "p"})
    assert link.is_symlink()
    assert read_settings(kept)["project"] == "p"


CHANGER = """
import sys
from pathlib import Path
from loopctl.cli.settings_file import change_settings
for number in range(30):
    change_settings(Path(sys.argv[1]), {sys.argv[2]: f"{sys.argv[2]}-{number}"})
"""


def test_two_at_once_lose_nothing(tmp_path: Path) -> None:
    """Went red when the file was read before the lock was taken: a change of the other one was undone."""
    file, names = tmp_path / "config.json", ("server", "project", "agent_key", "user_key")
    running = [guarded(subprocess.Popen([sys.executable, "-c", CHANGER, str(file), name])) for name in names]
    assert [process.wait(60) for process in running] == [0] * len(names)
    assert read_settings(file) == {name: f"{name}-29" for name in names}
    assert {found.name for found in tmp_path.iterdir()} == {"config.json", "config.json.lock"}


KILLED = """
import os, signal, sys
from pathlib import Path
from loopctl.cli import whole_file
def last_words(_): os.kill(os.getpid(), signal.SIGKILL)
whole_file.os.fsync = last_words
whole_file.write_whole(Path(sys.argv[1]), b"new")
"""


def test_who_is_killed_while_writing_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text("old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False, timeout=180)
    assert (done.returncode, file.read_text()) == (-signal.SIGKILL, "old")
    write_whole(file, b"new")
    assert file.read_text() == "new"


def test_a_lock_ends_with_who_held_it(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    holds = f"import os; from pathlib import Path; from loopctl.cli.whole_file import held; held(Path({str(file)!r}))"
    ends = f"{holds}.__enter__(); os._exit(1)"
    subprocess.run([sys.executable, "-c", ends], check=False, timeout=180, env={**os.environ})
    with held(file):
        assert not file.exists()


def test_an_export_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """For whoever may read new files, or could read the one that was there. What is no file is written to as it is."""
    new, old = tmp_path / "new.json", tmp_path / "old.json"
    old.touch(0o640)
    for file in (new, old, Path("/dev/null")):
        with answer_file(file) as opened:
            opened.write(b"{}")
    fresh = tmp_path / "fresh"
    fresh.touch()
    assert (new.read_bytes(), new.stat().st_mode, old.stat().st_mode & 0o777) == (b"{}", fresh.stat().st_mode, 0o640)
    assert not Path("/dev/null").is_file()
    assert {found.name for found in tmp_path.iterdir()} == {"new.json", "old.json", "fresh"}
