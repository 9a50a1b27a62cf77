"""However a run is stopped, and whichever of its processes is hit, nothing of it is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from supervisor.guard import CLOSING_SECONDS
from supervisor.redis import binary
from supervisor.starter import VARIABLE
from tests.support.guarded import guarded
from tests.support.running import CHECKOUT
from tests.support.waiting import WAITS

pytestmark = pytest.mark.slow

WAITING = "tests/support/waiting.py"
MAKE_TEST = ("make", "--no-print-directory", "test", f"ARGS={WAITING}")
PYTEST = (sys.executable, "-m", "pytest", "-n", "1", WAITING)


def run(command: Sequence[str], folder: Path, **variables: str) -> "subprocess.Popen[bytes]":
    """As a person starts it: in a group of its own, nothing known of the tests that it runs in."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "LOOPCTL_", "MAKE", "MFLAGS"))
    }
    with (folder / "said").open("wb") as said:
        return guarded(
            subprocess.Popen(
                command, stdout=said, stderr=said, cwd=CHECKOUT, env={**clean, **variables}, start_new_session=True
            )
        )


def family_once(started: "subprocess.Popen[bytes]", folder: Path, happened: Path | bytes) -> list[psutil.Process]:
    """All of its processes, as soon as a file is there or something was said."""
    said = folder / "said"
    while not (happened.exists() if isinstance(happened, Path) else happened in said.read_bytes()):
        assert started.poll() is None, said.read_text()
        time.sleep(0.02)
    family = [psutil.Process(started.pid), *psutil.Process(started.pid).children(recursive=True)]
    for process in family:
        guarded(process)
    return family


def named(family: Sequence[psutil.Process], *words: str) -> psutil.Process:
    """The first whose command line has these words."""
    return next(process for process in family if all(word in " ".join(process.cmdline()) for word in words))


def hit(family: Sequence[psutil.Process], victim: str, how: signal.Signals) -> None:
    match victim:
        case "its group":
            os.killpg(family[0].pid, how)
        case "pytest":
            named(family, "-m pytest").send_signal(how)
        case "a worker":
            named(family, "-c", "import sys;exec").send_signal(how)
        case "the service":
            named(family, "supervisor", "--port").send_signal(how)
        case _:
            family[0].send_signal(how)


def alive_of(family: Sequence[psutil.Process], seconds: float = CLOSING_SECONDS) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(family, timeout=seconds)
    return alive


STOPS = [
    (MAKE_TEST, "make", signal.SIGKILL),
    (MAKE_TEST, "its group", signal.SIGINT),
    (PYTEST, "a worker", signal.SIGKILL),
]
MORE_STOPS = [
    (MAKE_TEST, "make", signal.SIGTERM),
    (MAKE_TEST, "its group", signal.SIGTERM),
    (MAKE_TEST, "its group", signal.SIGKILL),
    (PYTEST, "pytest", signal.SIGTERM),
    (PYTEST, "pytest", signal.SIGKILL),
]
"""Each takes a run of its own; with LOOPCTL_TEST_ALL."""


@pytest.mark.parametrize(
    ("command", "victim", "how"), [*STOPS, *(MORE_STOPS if "LOOPCTL_TEST_ALL" in os.environ else ())]
)
def test_a_run_of_the_tests_that_is_stopped_leaves_no_server(
    tmp_path: Path, command: Sequence[str], victim: str, how: signal.Signals
) -> None:
    """A worker of the run is in the middle of a test that has an `up`, besides the servers that all tests share.

    Went red for a `make` that was killed: pytest went on alone, to the end of the suite.
    """
    started = run(command, tmp_path, **{WAITS: str(tmp_path / "waits")})
    family = family_once(started, tmp_path, tmp_path / "waits")
    names = [process.name() for process in family]
    assert ("postgres" in names, names.count(binary().name)) == (True, 2)
    if victim == "a worker":
        servers = [process for process in family if process.name() in ("postgres", binary().name)]
        hit(family, victim, how)
        assert alive_of(servers) == []
        started.kill()
    else:
        hit(family, victim, how)
    started.wait(CLOSING_SECONDS)
    assert alive_of(family) == []


@pytest.mark.parametrize(
    ("victim", "how"),
    [
        ("make", signal.SIGTERM),
        ("make", signal.SIGKILL),
        ("the service", signal.SIGTERM),
        ("the service", signal.SIGKILL),
        ("its group", signal.SIGINT),
    ],
)
def test_a_service_that_make_has_started_ends_with_it(tmp_path: Path, victim: str, how: signal.Signals) -> None:
    """Went red for a `make` that was killed: the service went on without it."""
    arguments = f"ARGS=--port 0 --data-dir {tmp_path / 'data'}"
    started = run(("make", "--no-print-directory", "up", arguments), tmp_path)
    family = family_once(started, tmp_path, b"Healthy at")
    hit(family, victim, how)
    started.wait(CLOSING_SECONDS)
    assert alive_of(family) == []


def test_a_service_that_was_not_told_whose_it_is_goes_on_without_its_starter(tmp_path: Path) -> None:
    """The control, and what `loopctl up &` in a script relies on."""
    begin = f"{sys.executable} -m supervisor --port 0 --data-dir {tmp_path / 'data'} & wait"
    started = run(("sh", "-c", begin), tmp_path, PYTHONPATH=str(CHECKOUT))
    family = family_once(started, tmp_path, b"Healthy at")
    service = named(family[1:], "supervisor", "--port")
    assert VARIABLE not in service.environ()
    started.kill()
    started.wait()
    assert alive_of([service], seconds=2) == [service]
    service.send_signal(signal.SIGTERM)
    assert alive_of(family[1:]) == []
