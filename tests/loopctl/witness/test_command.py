"""`loopctl witness` as a process of its own, and `loopctl log cosign`, which asks it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from loopctl.audit.directory import write_directory
from loopctl.audit.export import write_bundle
from loopctl.cli.log_cosign import cosign_head
from loopctl.cli.main import run
from loopctl.tlog.checkpoint import parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.trust import open_note
from loopctl.tlog.vkey import parse_vkey
from loopctl.tlog.witness import origin_id
from tests.loopctl.audit.remote_log import served_log
from tests.loopctl.tlog.samples import LOG, ORIGIN
from tests.loopctl.witness.histories import OTHER, PARTS_AT, sent
from tests.support.guarded import guarded
from tests.support.sample_log import LOG_SIGNERS, Plan, SampleLog, make_log

NAME = "witness.example/mine"
SMALL, LARGE = 300, 700


class Running:
    def __init__(self, process: subprocess.Popen[str], url: str, key: str) -> None:
        self.process, self.url, self.key = process, url, key

    @property
    def asked(self) -> str:
        return f"{self.url}={self.key}"

    def post(self, body: bytes) -> httpx2.Response:
        return httpx2.post(f"{self.url}/add-checkpoint", content=body, timeout=20, trust_env=False)

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(self.url + path, timeout=20, trust_env=False)


@contextmanager
def running(data: Path, *keys: str) -> Iterator[Running]:
    command = [sys.executable, "-m", "loopctl", "witness", "--name", NAME, "--data-dir", str(data), "--port", "0"]
    for key in keys:
        command += ["--log", key]
    with guarded(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        try:
            assert process.stdout is not None
            _, _, url, _, key = process.stdout.readline().split()
            yield Running(process, url, key)
        finally:
            process.kill()
            process.wait()


def test_it_remembers_what_it_cosigned_after_kill_9(tmp_path: Path) -> None:
    with running(tmp_path, LOG.key.text()) as first:
        assert first.post(sent(0, PARTS_AT)).status_code == 200
        assert first.post(sent(PARTS_AT, 12)).status_code == 200
    with running(tmp_path, LOG.key.text()) as second:
        assert second.key == first.key
        rolled_back = second.post(sent(PARTS_AT, 9))
        assert (rolled_back.status_code, rolled_back.text) == (409, "12\n")
        assert rolled_back.headers["content-type"] == "text/x.tlog.size"
        assert second.post(sent(0, 12, OTHER)).status_code == 409
        handed = second.get(f"/{origin_id(ORIGIN)}/checkpoint")
        assert parse_checkpoint(parse_note(handed.content).text).size == 12
        assert second.get("/x/checkpoint").status_code == second.get("/").status_code == 404
        assert second.post(b" " * 100_000).status_code == 413


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("witness"), LOG_SIGNERS[0].key.text()) as started:
        yield started


@pytest.fixture(scope="module")
def logs() -> tuple[SampleLog, SampleLog]:
    return make_log(Plan(size=SMALL)), make_log(Plan(size=LARGE))


def test_a_log_on_a_server_is_cosigned_and_later_again_with_a_proof_of_its_tiles(
    witness: Running, logs: tuple[SampleLog, SampleLog], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "head"
    for log, size in zip(logs, (SMALL, LARGE), strict=True):
        with served_log(log) as server:
            code = run(["log", "cosign", server.log, "--witness", witness.asked, "--out", str(out)])
        assert code == 0, capsys.readouterr().err
        note = parse_note(out.read_bytes())
        assert parse_checkpoint(note.text).size == size
        assert len(open_note(note, [parse_vkey(witness.key), LOG_SIGNERS[0].key])) == 2
    with served_log(logs[0]) as rolled_back:
        assert cosign_head(rolled_back.log, [witness.asked], out) == 10
    said = capsys.readouterr()
    assert f"{NAME} has cosigned size {LARGE}" in said.out
    assert f"ahead: {witness.url} has cosigned size {LARGE}, and this head is of size {SMALL}" in said.err


def test_witnesses_of_a_policy_are_asked_until_they_are_enough(
    logs: tuple[SampleLog, SampleLog], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, file, key = tmp_path / "head", tmp_path / "policy", LOG_SIGNERS[0].key.text()
    with running(tmp_path / "a", key) as first, running(tmp_path / "b", key) as second, served_log(logs[0]) as server:
        dead = "http://127.0.0.1:9"

        def asked(quorum: str, third: str) -> int:
            file.write_text(
                f"log {key}\nwitness a {first.key} {first.url}\nwitness b {second.key} {third}\n"
                f"group g {quorum} a b\nquorum g\n"
            )
            out.unlink(missing_ok=True)
            return run(["log", "cosign", server.log, "--policy", str(file), "--out", str(out)])

        assert asked("any", dead) == 0, "the second is not needed"
        assert capsys.readouterr().err == ""
        assert asked("all", dead) == 1
        said = capsys.readouterr()
        assert "unavailable" in said.err
        assert "too few have cosigned it: the policy wants 2 of the 2 members of g" in said.err
        assert asked("all", second.url) == 0
        assert "enough for the policy" in capsys.readouterr().out
        assert len(open_note(parse_note(out.read_bytes()), [parse_vkey(first.key), parse_vkey(second.key)])) == 2
    write_directory(tmp_path / "export", write_bundle(logs[1]))
    verify = ["log", "verify", str(tmp_path / "export"), "--policy", str(file)]
    assert run([*verify, "--not-older-than", str(out)]) == 0, "the kept head has the lines"
    assert run(verify) == 10, "the newest head has none"
    assert run(["log", "cosign", "/nowhere", "--out", str(out)]) == 2


WRONG = {
    "http://127.0.0.1:9=KEY": (2, "--witness ADDRESS=KEY"),
    "http://127.0.0.1:9=" + LOG.key.text(): (2, "the key of a log, and not of a witness"),
    "http://127.0.0.1:9=WITNESS": (1, "unavailable: http://127.0.0.1:9 does not answer"),
}


@pytest.mark.parametrize("asked", WRONG)
def test_what_went_wrong_is_one_line(
    witness: Running,
    logs: tuple[SampleLog, SampleLog],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    asked: str,
) -> None:
    code, says = WRONG[asked]
    with served_log(logs[0]) as server:
        out = tmp_path / "head"
        assert cosign_head(server.log, [asked.replace("WITNESS", witness.key)], out) == code
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not out.exists()


def test_a_witness_of_nothing_does_not_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["witness", "--name", NAME, "--data-dir", str(tmp_path)]) == 2
    assert "a witness cosigns the logs that it is told to" in capsys.readouterr().err


def test_its_key_can_be_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["witness", "--name", NAME, "--data-dir", str(tmp_path), "--show-key"]
    assert run(asked) == run(asked) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert parse_vkey(first).name == NAME
    assert (tmp_path / "witness.key").stat().st_mode & 0o077 == 0
