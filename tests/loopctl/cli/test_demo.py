"""The demo against a running service: every process of it is a real one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from loopctl.cli.demo.course import Course, follow
from loopctl.cli.demo.crew import Crew
from loopctl.cli.demo.duty import Duty, Told
from loopctl.cli.demo.showing import Display
from loopctl.cli.exits import Exit, Stop
from tests.loopctl.cli.shell import Shell
from tests.support.guarded import guarded
from tests.support.running import CHECKOUT, Run, up

STORIES = 4
REFUSALS = ("self_report_blocked", "self_verify_blocked", "self_review_blocked")
BOUND_SECONDS = 120


@pytest.fixture
def backlog(tmp_path: Path) -> Path:
    stories = [{"number": f"1.{number}", "title": f"Story {number}"} for number in range(1, STORIES + 1)]
    file = tmp_path / "backlog.json"
    file.write_text(json.dumps({"epics": [{"number": 1, "title": "One", "stories": stories}]}))
    return file


def demo(backlog: Path, data: Path, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOOPCTL_")}
    environment: Mapping[str, str] = {**clean, "PYTHONPATH": str(CHECKOUT), "LOOPCTL_CONFIG": "/dev/null", **variables}
    command = [sys.executable, "-m", "loopctl", "demo", "--project", str(backlog), *arguments]
    if data.name:
        command += ["--data-dir", str(data)]
    return guarded(
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT, env=environment,
            start_new_session=True,
        )
    )  # fmt: skip


def first_process_of(running: "subprocess.Popen[str]") -> psutil.Process:
    """Of the crew: the one that cheats."""
    while True:
        for process in psutil.Process(running.pid).children():
            with suppress(psutil.NoSuchProcess):  # which one that has just ended is, too
                if any("demo.worker" in word for word in process.cmdline()):
                    return process
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)


@pytest.mark.slow
def test_a_demo_ends_with_everything_verified_and_the_log_good(alone: Shell, running: Run, backlog: Path) -> None:
    code = alone("demo", "--project", str(backlog), "--data-dir", str(running.data), "--timeout", "60")
    assert code.code == 0, code.err
    assert f"{STORIES} of {STORIES} stories verified" in code.out
    assert "1 rejected once" in code.out
    assert "its lease expired, and somebody else had the story" in code.out
    assert all(refusal in code.out for refusal in REFUSALS)
    assert "The history of story 1.3" in code.out
    assert "What this proves" in code.out


@pytest.mark.slow
def test_where_the_service_may_send_to_this_machine_a_receiver_hears_of_every_story(
    alone: Shell, tmp_path: Path, backlog: Path
) -> None:
    allowed = {"LOOPCTL_EGRESS_ALLOW": "127.0.0.0/8", "LOOPCTL_EGRESS_ALLOW_HTTP": "true"}
    with up(tmp_path / "data", environment=allowed) as run:
        run.wait_until_healthy()
        said = alone("demo", "--project", str(backlog), "--data-dir", str(run.data), "--timeout", "60")
    assert said.code == 0, said.err
    heard = {
        words[0]: int(words[1]) for line in said.out.splitlines() if len(words := line.split()) == 2 and "." in words[0]
    }
    assert (heard["story.verified"], heard["epic.completed"]) == (STORIES, 1)
    assert "checked the signature of each" in said.out
    assert "was told epic.completed, and its signature is good" in said.err


@pytest.mark.slow
def test_the_family_of_an_implementer_confirms_what_each_policy_lets_it(alone: Shell, running: Run) -> None:
    """Each of them a process with a key of its own; the story that a drawn verifier confirmed is proved offline."""
    code = alone("demo", "--custody", "--data-dir", str(running.data))
    assert code.code == 0, code.err + code.out
    table = {line[2:22].strip(): line[22:].split() for line in code.out.splitlines() if line.startswith("  ")}
    assert table["ancestry  child"] == ["self_report_blocked", "self_review_blocked", "insufficient_role"]
    assert table["ancestry  sibling"] == table["agent     parent"] == ["yes", "yes", "yes"]
    assert table["strict    parent"] == ["self_report_blocked", "self_review_blocked", "self_verify_blocked"]
    assert "tried to verify: 409 not_drawn_verifier" in code.out


@pytest.mark.slow
def test_a_demo_shows_its_refusals_however_late_the_one_who_cheats_begins(running: Run, backlog: Path) -> None:
    """Went red when the others began after six seconds anyway: they took all stories, and it went on until its end."""
    started = demo(backlog, running.data, "--timeout", str(BOUND_SECONDS))
    late = first_process_of(started)
    late.suspend()
    time.sleep(8)
    late.resume()
    out, err = started.communicate(timeout=2 * BOUND_SECONDS)
    assert started.returncode == 0, err
    assert all(refusal in out for refusal in REFUSALS)


@pytest.mark.slow
def test_two_demos_at_once_on_one_server_and_one_directory(running: Run, backlog: Path) -> None:
    both = [demo(backlog, Path(), LOOPCTL_DATA_DIR=str(running.data)) for _ in range(2)]
    for each in both:
        out, err = each.communicate(timeout=2 * BOUND_SECONDS)
        assert each.returncode == 0, err
        assert all(refusal in out for refusal in REFUSALS)
        assert "Traceback" not in err


@pytest.mark.slow
def test_when_the_server_stops_the_demo_ends_and_says_why_in_lines(tmp_path: Path, backlog: Path) -> None:
    """Went red while each of nine processes ended with a traceback."""
    with up(tmp_path / "data") as run:
        run.wait_until_healthy()
        started = demo(backlog, run.data)
        first_process_of(started)
        run.stop(signal.SIGINT)
        _, err = started.communicate(timeout=BOUND_SECONDS)
    assert started.returncode not in (0, None)
    assert "Traceback" not in err
    assert "does not answer" in err or "the server answered" in err
    assert json.loads([line for line in err.splitlines() if line.startswith("{")][-1])["error"]["message"]


@pytest.mark.slow
def test_who_is_interrupted_leaves_no_process_and_no_traceback(running: Run, backlog: Path) -> None:
    started = demo(backlog, running.data)
    first_process_of(started)
    family = psutil.Process(started.pid).children(recursive=True)
    os.killpg(started.pid, signal.SIGINT)
    _, err = started.communicate(timeout=BOUND_SECONDS)
    assert (started.returncode, err if "Traceback" in err else "") == (130, "")
    _, alive = psutil.wait_procs(family, timeout=180)
    assert alive == []


def test_without_a_service_the_demo_says_what_is_missing(alone: Shell, tmp_path: Path) -> None:
    said = alone("demo", "--data-dir", str(tmp_path / "nowhere"))
    assert (said.code, "make up" in said.error()["hint"]) == (2, True)


def told(name: str, what: str, story: str = "") -> Told:
    return Told(name=name, what=what, requests=1, story_id=story)  # type: ignore[arg-type]  # literals at every call


def course() -> Course:
    anyone = {"part": "implementer", "server": "", "key": "", "project_id": ""}
    cheat, dying = Duty(name="mallory", cheat_key="x", **anyone), Duty(name="edsger", hangs=True, **anyone)  # type: ignore[arg-type]  # as said
    return Course(2, [cheat, dying], timeout_seconds=0)


def test_a_demo_that_takes_too_long_ends_and_says_what_it_lacks() -> None:
    """Went red while nothing but its own success ended it. Nobody has a story, and there is no time."""
    with pytest.raises(Stop) as stopped:
        follow(course(), Crew(), [], lambda _: None)
    assert stopped.value.exit_code == Exit.WAITED
    assert "0 of 2 stories verified" in stopped.value.message
    assert "no story yet for edsger and mallory" in stopped.value.message


def test_the_others_begin_when_each_of_those_who_behave_worse_has_a_story() -> None:
    seen = course()
    assert not seen.others_may_begin
    seen.hear(told("mallory", "claimed", "1"))
    assert not seen.others_may_begin
    seen.hear(told("edsger", "claimed", "2"))
    assert seen.others_may_begin


def test_what_was_let_through_ends_the_course_as_well() -> None:
    seen = course()
    for story in ("1", "2"):
        seen.hear(told("olga", "verified", story))
    assert not seen.over
    for what in ("refused", "let_through", "refused"):
        seen.hear(told("mallory", what))
    assert seen.over


def test_what_a_server_says_is_escaped_on_the_live_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal's text went to the terminal as it came."""
    Display(course())("cheat tried: \x1b]0;owned\x07\nall verified")
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\\u001b]0;owned\\u0007 all verified" in said
