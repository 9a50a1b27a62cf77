"""Nothing that we have started outlives us, even when we are killed."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from supervisor.guard import Guard, end_when_closed
from supervisor.left_over import end_all
from tests.support.guarded import guarded
from tests.support.running import CHECKOUT

SLEEP = [sys.executable, "-c", "import time; time.sleep(300)"]
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(300)"
STARTER = f"""
import subprocess, time
from supervisor.guard import Guard
guard = Guard()
server = subprocess.Popen({SLEEP!r}, stdout=subprocess.DEVNULL)
guard.watch(server.pid)
print(server.pid, guard.pid, flush=True)
time.sleep(300)
"""


@pytest.fixture
def starter() -> "subprocess.Popen[str]":
    """A process that has started a server and watches over it."""
    return guarded(
        subprocess.Popen(
            [sys.executable, "-c", STARTER],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            text=True,
        )
    )


def started_by(starter: "subprocess.Popen[str]") -> tuple[psutil.Process, psutil.Process]:
    """Its server and its guard."""
    assert starter.stdout is not None
    server, guard = starter.stdout.readline().split()
    return psutil.Process(int(server)), psutil.Process(int(guard))


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate(timeout=180)


def test_what_a_killed_process_has_started_ends_by_itself(starter: "subprocess.Popen[str]") -> None:
    server, guard = started_by(starter)
    kill(starter)
    gone, alive = psutil.wait_procs([server, guard], timeout=180)
    assert (len(gone), alive) == (2, [])


def test_without_the_guard_it_lives_on(starter: "subprocess.Popen[str]") -> None:
    """The control."""
    server, guard = started_by(starter)
    guarded(server)
    guard.kill()
    kill(starter)
    _, alive = psutil.wait_procs([server], timeout=1)
    assert alive == [server]
    server.kill()


def test_who_does_not_listen_is_killed() -> None:
    with guarded(subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE)) as deaf:
        assert deaf.stdout is not None
        assert deaf.stdout.readline() == b"deaf\n"
        end_all([psutil.Process(deaf.pid)], grace_seconds=0.3)
        assert deaf.wait(1) == -signal.SIGKILL


def test_a_guard_that_is_gone_hinders_nobody() -> None:
    sleeping = guarded(subprocess.Popen(SLEEP))
    with Guard() as guard:
        psutil.Process(guard.pid).kill()
        guard.watch(os.getpid())
        guard.watch(sleeping.pid)
    assert sleeping.poll() is None
    sleeping.kill()
    sleeping.wait()


def test_who_ended_before_is_not_mistaken_for_another() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    with Guard() as guard:
        ended.wait()
        guard.watch(ended.pid)
        end_when_closed([f"{os.getpid()} 12.5\n", f"{os.getpid()} 12"])
    assert psutil.Process().is_running()
