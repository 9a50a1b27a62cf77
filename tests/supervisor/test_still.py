"""`loopctl up` and a process of it that does not move."""

import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.running import Run, up

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def impatient() -> Iterator[Run]:
    """One that gives its processes few seconds."""
    parent = Path(tempfile.mkdtemp(prefix="loopctl-up-"))
    with up(parent / "data", environment={"LOOPCTL_STILL_SECONDS": "5"}) as run:
        run.wait_until_healthy()
        yield run
    shutil.rmtree(parent, ignore_errors=True)


@pytest.mark.parametrize("words", [("-m", "api"), ("-m", "workers")])
def test_a_process_that_does_not_answer_is_ended_and_started_again(impatient: Run, words: tuple[str, ...]) -> None:
    """It stands still as one does whose loop is in one long calculation."""
    name = {"api": "api", "workers": "worker"}[words[-1]]
    impatient.child(*words).suspend()
    impatient.wait_until_said(rf"{name} has not moved for 5 s and is ended")
    impatient.wait_until_said(rf"{name} was ended by SIGKILL; starting it again")
    impatient.wait_until_said(rf"{name} is back")
    assert impatient.get("/health").json()["status"] == "ok"


def test_a_process_that_is_busy_all_the_time_is_left_alone(impatient: Run) -> None:
    """For longer than one may stand still, and some seconds of it with its own work, however loaded the machine."""
    process, said = psutil.Process(impatient.child("-m", "api").pid), impatient.said
    began, used = time.monotonic(), sum(process.cpu_times()[:2])
    many = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 30
    port = int(impatient.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        while time.monotonic() < began + 12 or sum(process.cpu_times()[:2]) < used + 3:
            connection.sendall(many)
            answers = 0
            while answers < 30:
                answers += connection.recv(1 << 20).count(b"HTTP/1.1 200")
    assert (impatient.child("-m", "api").pid, impatient.said) == (process.pid, said)
