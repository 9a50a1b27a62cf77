"""The command as people and scripts use it: exit codes, what is said where, and no network."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from msgspec.structs import replace

from loopctl.audit import report as reports
from loopctl.audit.archive import gzip_blocks, tar_blocks
from loopctl.audit.directory import write_directory
from loopctl.audit.export import write_bundle
from loopctl.audit.keys_file import encode_keys
from loopctl.cli.log import app
from loopctl.tlog.signer import Cosigner, LogSigner
from tests.house.tree import CHECKOUT
from tests.support.sample_log import CLOCK, LOG_SIGNERS, THIEF, WITNESS, Plan, make_log

PLAN = Plan(size=600, heads=(100, 256), boundaries=(300,), committed=(7,), erased=((20, 7),), witnessed=(600,))
LOG = make_log(PLAN)
FIRST = LOG_SIGNERS[0].key.text()
SECOND = LOG_SIGNERS[1].key.text()

# Any use of a socket ends the process; what is imported on the way may import the module.
NO_SOCKETS = """
import os, sys
def refuse(event, arguments):
    if event.startswith("socket."):
        os.write(2, b"SOCKET USED: " + event.encode())
        os._exit(99)
sys.addaudithook(refuse)
"""
COMMAND = "from loopctl.cli.main import main; sys.argv[0] = 'loopctl'; sys.exit(main())"


class Said(Struct, frozen=True):
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Loopctl = Callable[..., Said]


@pytest.fixture
def log_command(capsys: pytest.CaptureFixture[str]) -> Loopctl:
    """In this process: what a process of its own adds is tested below."""

    def run(*arguments: object) -> Said:
        try:
            code = app([str(each) for each in arguments], result_action="return_value")
        except SystemExit as exited:
            code = exited.code
        captured = capsys.readouterr()
        assert isinstance(code, int)
        return Said(code, captured.out, captured.err)

    return run


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write_directory(tmp_path / "log", write_bundle(LOG))
    (tmp_path / "log.tar.gz").write_bytes(b"".join(gzip_blocks(tar_blocks(write_bundle(LOG)))))
    (tmp_path / "receipt.tlog-proof").write_bytes(LOG.receipt(400, 600))
    (tmp_path / "entry").write_bytes(LOG.raw[400])
    (tmp_path / "keys.json").write_bytes(encode_keys(LOG.known))
    (tmp_path / "kept").write_bytes(LOG.notes[256])
    return tmp_path / "log"


def process(*arguments: object, code: str = COMMAND) -> Said:
    command = [sys.executable, "-c", f"{NO_SOCKETS}\n{code}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT, timeout=180)
    return Said(done.returncode, done.stdout, done.stderr)


def test_a_good_export_is_verified_without_a_network(bundle: Path) -> None:
    said = process("log", "verify", bundle, "--vkey", FIRST)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("good: loopctl.example/t/acme, 600 entries, root ")


def test_checking_offline_loads_no_http_client() -> None:
    """Goes red as soon as loopctl/cli/log.py imports what asks a server at its top."""
    loaded = "import sys, loopctl.cli.log, loopctl.audit.verify, loopctl.audit.fsck; print('httpx2' in sys.modules)"
    command = [sys.executable, "-c", loaded]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=180, check=True)
    assert done.stdout == "False\n"


def test_receipts_and_repairs_need_no_network(bundle: Path) -> None:
    receipt = ["log", "receipt", bundle.parent / "receipt.tlog-proof", "--entry", bundle.parent / "entry"]
    assert process(*receipt, "--vkey", SECOND).code == 0
    (bundle / "tile/0/000").unlink()
    assert process("log", "fsck", bundle, "--repair").code == 0


def test_a_use_of_the_network_would_be_noticed() -> None:
    """The control."""
    assert process(code="import socket; socket.create_connection(('127.0.0.1', 9))").code == 99


def test_a_bad_export_exits_with_10_and_names_the_entry(bundle: Path, log_command: Loopctl) -> None:
    file = bundle / "tile/entries/001"
    file.write_bytes(file.read_bytes().replace(b"Story 333", b"Story 334", 1))
    said = log_command("verify", bundle, "--vkey", FIRST)
    assert said.code == 10
    assert said.out.startswith("bad: entry 333: does not have the leaf hash that was recorded for it")


def test_the_report_as_json_has_one_shape(bundle: Path, log_command: Loopctl) -> None:
    report = log_command("verify", bundle, "--json", "--vkey", FIRST).json()
    assert report == {
        "verdict": "good",
        "origin": "loopctl.example/t/acme",
        "size": 600,
        "root": report["root"],
        "trusted": {"by": "vkey", "log_keys": 1, "cosigners": 0, "statement": report["trusted"]["statement"]},
        "checked": {
            "entries": 600,
            "heads": 4,
            "cosignatures": 5,
            "log_keys": 2,
            "entities": 8,
            "payloads": 1,
            "payloads_erased": 1,
            "digests": 0,
        },
        "rotations": [
            {
                "boundary": 300,
                "old_key_id": LOG_SIGNERS[0].key.key_id.hex(),
                "new_vkey": SECOND,
                "reason": "scheduled",
                "cosigners": 0,
            }
        ],
        "erased": [7],
        "notices": [],
        "fault": None,
    }


def test_a_fault_as_json_has_one_shape(bundle: Path, log_command: Loopctl) -> None:
    (bundle / "tile/1/000.p/2").write_bytes(bytes(64))
    said = log_command("verify", bundle, "--json")
    assert said.code == 10
    report = said.json()
    assert report["verdict"] == "bad"
    assert report["fault"] == {
        "check": "tiles",
        "code": "tile_hash",
        "place": "tile/1/000.p/2, hash 0",
        "problem": "is not what follows from the entries below it",
    }


def test_without_a_key_it_says_whom_it_believed(bundle: Path, log_command: Loopctl) -> None:
    said = log_command("verify", bundle)
    assert said.code == 0
    assert "not whose it is" in said.out
    assert log_command("verify", bundle, "--json").json()["trusted"]["by"] == "bundle"


def test_several_keys_are_all_asked_for(bundle: Path, log_command: Loopctl) -> None:
    assert log_command("verify", bundle, "--vkey", FIRST, "--vkey", SECOND, "--vkey", WITNESS.key.text()).code == 0
    assert log_command("verify", bundle, "--vkey", FIRST, "--vkey", THIEF.key.text()).code == 10


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (["log FIRST", "group g 2 clock witness", "quorum g"], 0, "good"),
        (["quorum witness"], 0, "good"),
        (["log SECOND", "quorum none"], 0, "good"),
        (["group g all clock witness other", "quorum g"], 10, "the policy wants 3 of the 3 members of g"),
        (["quorum other"], 10, "the policy wants the witness other"),
        (["log OTHER", "quorum none"], 10, "the log never had a key of the policy's logs"),
        (["quorum nobody"], 2, "--policy: line 4"),
    ],
)
def test_a_policy_decides_whether_enough_have_cosigned_the_newest_head(
    bundle: Path, log_command: Loopctl, tmp_path: Path, lines: list[str], code: int, said: str
) -> None:
    keys = {"clock": CLOCK.key.text(), "witness": WITNESS.key.text(), "other": vkey_of_another()}
    text = "".join(f"witness {name} {key}\n" for name, key in keys.items()) + "\n".join([*lines, ""])
    other = LogSigner(LOG_SIGNERS[0].key.name, Ed25519PrivateKey.generate()).key.text()
    for name, key in (("FIRST", FIRST), ("SECOND", SECOND), ("OTHER", other)):
        text = text.replace(f"log {name}", f"log {key}")
    (tmp_path / "policy").write_text(text)
    told = log_command("verify", bundle, "--policy", tmp_path / "policy")
    assert (told.code, said in told.out + told.err) == (code, True), told


def vkey_of_another() -> str:
    return Cosigner("witness.example/other", Ed25519PrivateKey.generate()).key.text()


def test_a_kept_head_is_compared(bundle: Path, log_command: Loopctl) -> None:
    assert log_command("verify", bundle, "--not-older-than", bundle.parent / "kept").code == 0
    longer = make_log(replace(PLAN, size=700))
    (bundle.parent / "kept").write_bytes(longer.newest())
    said = log_command("verify", bundle, "--not-older-than", bundle.parent / "kept", "--json")
    assert (said.code, said.json()["fault"]["code"]) == (10, "stale")


def test_the_form_of_every_entry_can_be_asked_for(bundle: Path, log_command: Loopctl) -> None:
    assert log_command("verify", bundle, "--form").code == 0


def test_an_archive_is_verified_as_it_is(bundle: Path, log_command: Loopctl) -> None:
    assert log_command("verify", bundle.with_name("log.tar.gz"), "--vkey", FIRST).code == 0


def test_what_cannot_be_read_exits_with_1(bundle: Path, log_command: Loopctl) -> None:
    packed = bundle.with_name("log.tar.gz")
    packed.write_bytes(packed.read_bytes()[:-100])
    for place in (packed, bundle / "keys.json", bundle / "nothing"):
        said = log_command("verify", place)
        assert (said.code, said.out.startswith("unreadable: ")) == (1, True)
    said = log_command("verify", bundle / "nothing", "--json")
    assert said.json() == {"verdict": "unreadable", "problem": "there is no bundle at this path"}
    assert log_command("verify", bundle, "--not-older-than", bundle / "nothing").code == 1
    assert log_command("verify", bundle, "--not-older-than", bundle / "keys.json").code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", ".", "--vkey", "nonsense"],
        ["verify", ".", "--unknown"],
        ["verify", ".", "more"],
        ["fsck", "pyproject.toml"],
        ["receipt", "a"],
        ["receipt", "pyproject.toml", "--entry", "pyproject.toml"],
        ["receipt", "pyproject.toml", "--entry", "pyproject.toml", "--vkey", FIRST, "--vkey", SECOND],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], log_command: Loopctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)
    said = log_command(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err


def test_wrong_usage_exits_with_2_from_the_shell_too() -> None:
    assert process("log", "verify").code == 2


def test_a_receipt_is_checked_with_the_key_of_its_time(bundle: Path, log_command: Loopctl) -> None:
    receipt = ["receipt", bundle.parent / "receipt.tlog-proof", "--entry", bundle.parent / "entry"]
    said = log_command(*receipt, "--vkey", SECOND)
    assert (said.code, said.out.splitlines()[0]) == (0, "good: this is entry 400 of loopctl.example/t/acme")
    assert "unchecked    2 lines" in said.out
    assert log_command(*receipt, "--vkey", FIRST).code == 10
    assert log_command(*receipt, "--vkey", FIRST, "--keys", bundle.parent / "keys.json").code == 0
    assert log_command(*receipt, "--vkey", THIEF.key.text(), "--keys", bundle.parent / "keys.json").code == 2


def test_a_receipt_as_json_has_one_shape(bundle: Path, log_command: Loopctl) -> None:
    receipt = ["receipt", bundle.parent / "receipt.tlog-proof", "--entry", bundle.parent / "entry", "--json"]
    keys = ["--vkey", SECOND, "--vkey", CLOCK.key.text(), "--vkey", WITNESS.key.text()]
    report = log_command(*receipt, *keys).json()
    assert report == {
        "verdict": "good",
        "origin": "loopctl.example/t/acme",
        "index": 400,
        "size": 600,
        "root": report["root"],
        "signed_by": [LOG_SIGNERS[1].key.key_id.hex()],
        "cosigned_by": [CLOCK.key.name, WITNESS.key.name],
        "unchecked": 0,
        "fault": None,
    }


def test_a_name_cannot_steer_the_terminal() -> None:
    report = reports.Report(
        verdict="good",
        origin="loopctl.example/\x9b2J\u202e",
        size=0,
        root="",
        trusted=reports.trusted(0, 0),
        checked=reports.Counts(0, 0, 0, 0, 0, 0, 0, 0),
        rotations=(),
        erased=(),
        notices=(),
        fault=None,
    )
    assert reports.text(report).startswith("good: loopctl.example/\\u{9b}2J\\u{202e}, 0 entries")


def test_a_receipt_of_another_entry_exits_with_10(bundle: Path, log_command: Loopctl) -> None:
    (bundle.parent / "entry").write_bytes(LOG.raw[401])
    receipt = ["receipt", bundle.parent / "receipt.tlog-proof", "--entry", bundle.parent / "entry"]
    said = log_command(*receipt, "--vkey", SECOND)
    assert (said.code, said.out) == (10, "bad: inclusion proof: leads to another root (proof_invalid)\n")


def test_fsck_tells_repairable_damage_from_other_damage(bundle: Path, log_command: Loopctl) -> None:
    assert log_command("fsck", bundle).code == 0
    (bundle / "tile/0/000").unlink()
    said = log_command("fsck", bundle, "--json")
    assert (said.code, said.json()["verdict"], said.json()["tiles"]) == (10, "derived_damaged", ["tile/0/000"])
    assert log_command("fsck", bundle, "--repair").code == 0
    (bundle / "checkpoint").write_bytes(b"")
    assert log_command("fsck", bundle, "--repair", "--json").json()["verdict"] == "bad"


def test_progress_is_shown_to_a_terminal_and_to_nobody_else(bundle: Path) -> None:
    assert process("log", "verify", bundle).err == ""
    reader, terminal = pty.openpty()
    command = [sys.executable, "-c", f"import sys; {COMMAND}", "log", "verify", str(bundle), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, check=False, cwd=CHECKOUT, timeout=180)
    os.close(terminal)
    shown = os.read(reader, 10_000)
    os.close(reader)
    assert b"256 entries" in shown
    assert json.loads(done.stdout)["verdict"] == "good"


def test_the_help_of_the_whole_command_does_not_load_the_verifier() -> None:
    """It has to be there at once; only `loopctl log` pays for what it needs."""
    loaded = "import atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
    helped = process("--help", code=loaded + COMMAND)
    assert helped.code == 0
    assert "Check a log offline" in helped.out
    assert "loopctl.cli.main" in helped.err.split()
    assert not [name for name in helped.err.split() if name.startswith(("loopctl.audit", "cryptography"))]
