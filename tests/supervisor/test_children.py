"""Supervision of one child, with small programs in its place."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import psutil
import pytest

from config.pulse import PULSE_FD
from config.refusal import StartRefused
from supervisor.children import Child, Program
from supervisor.data_directory import DataDirectory
from supervisor.pulse import Pulse
from tests.support.running import CHECKOUT

FOREVER = "import time; time.sleep(60)"


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDirectory]:
    directory = DataDirectory(tmp_path / "data")
    with directory.taken():
        yield directory


async def at_once() -> None:
    return


async def never() -> None:
    await asyncio.sleep(60)


def program(script: str, **changes: object) -> Program:
    given = {"name": "child", "command": lambda: [sys.executable, "-c", script], "ready": at_once, **changes}
    return Program(**given)  # type: ignore[arg-type]  # a test's short hand


@asynccontextmanager
async def watched(child: Child) -> AsyncIterator[None]:
    task = asyncio.create_task(child.keep_running())
    try:
        yield
    finally:
        await child.stop()
        task.cancel()


async def until(condition: object, said: list[str]) -> None:
    async with asyncio.timeout(20):
        while not any(str(condition) in line for line in said):
            await asyncio.sleep(0.01)


async def test_a_child_that_ends_before_it_is_ready_is_refused_with_its_last_words(data: DataDirectory) -> None:
    script = "import sys; print('noise'); sys.exit('loopctl: the schema is newer')"
    child = Child(program(script, ready=never), data, print)
    with pytest.raises(StartRefused, match="child did not start: the schema is newer"):
        await child.start()


async def test_a_child_that_ends_in_silence_is_still_refused(data: DataDirectory) -> None:
    child = Child(program("", ready=never), data, print)
    with pytest.raises(StartRefused, match="it said nothing"):
        await child.start()


async def test_a_child_that_never_becomes_ready_is_refused(data: DataDirectory) -> None:
    async def late() -> None:
        raise TimeoutError

    child = Child(program(FOREVER, ready=late), data, print)
    with pytest.raises(StartRefused, match="did not become ready in time"):
        await child.start()
    await child.stop()


async def test_a_killed_child_is_started_again_with_a_growing_pause(data: DataDirectory) -> None:
    said: list[str] = []
    child = Child(program("import sys; sys.exit(3)"), data, said.append)
    await child.start()
    async with watched(child):
        await until("starting it again in 1 s", said)
    ends = [line for line in said if "starting it again" in line]
    assert "child ended with exit code 3; starting it again in 0.25 s" in ends[0]
    assert "in 0.5 s" in ends[1]


async def test_a_stopped_child_is_not_started_again(data: DataDirectory) -> None:
    said: list[str] = []
    child = Child(program(FOREVER), data, said.append)
    await child.start()
    async with watched(child):
        await child.stop()
        await asyncio.sleep(0.5)
    assert said == []


async def test_a_child_that_ignores_the_signal_is_killed_after_its_grace(data: DataDirectory) -> None:
    said: list[str] = []
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    child = Child(program(deaf, stop_seconds=0.3), data, said.append)
    await child.start()
    async with asyncio.timeout(10):
        while "deaf" not in data.log_file("child").read_text():
            await asyncio.sleep(0.01)
    await child.stop()
    assert said == ["child did not stop within 0.3 s and was killed"]


MOVING = """
import asyncio, time
from config.pulse import pulsing

async def work():
    async with pulsing():
        await asyncio.sleep(0.1)
        end = time.monotonic() + {busy_seconds}
        while time.monotonic() < end:
            sum(range({numbers}))  # that long nothing else turns
            await asyncio.sleep(0)
        await asyncio.sleep(60)

asyncio.run(work())
"""


@pytest.fixture
def pulse() -> Iterator[Pulse]:
    with closing(Pulse()) as made:
        yield made


def moving(pulse: Pulse, script: str) -> Program:
    environment = {**os.environ, PULSE_FD: str(pulse.writes), "PYTHONPATH": str(CHECKOUT)}
    return program(script, moved=pulse.moved, still_seconds=4.0, inherit=(pulse.writes,), environment=environment)


async def test_a_child_whose_loop_does_not_turn_is_ended_tells_where_it_was_and_is_started_again(
    data: DataDirectory, pulse: Pulse
) -> None:
    said: list[str] = []
    child = Child(moving(pulse, MOVING.format(busy_seconds=60, numbers=10**12)), data, said.append)
    await child.start()
    async with watched(child):
        await until("child is back", said)
    assert said[0] == f"child has not moved for 4 s and is ended: see {data.log_file('child')}"
    assert "child was ended by SIGKILL; starting it again in 0.25 s" in said[1]
    assert 'File "<string>", line 10 in work' in data.log_file("child").read_text()


async def test_a_child_that_is_busy_all_the_time_and_turns_now_and_then_is_left_alone(
    data: DataDirectory, pulse: Pulse
) -> None:
    said: list[str] = []
    child = Child(moving(pulse, MOVING.format(busy_seconds=60, numbers=10**7)), data, said.append)
    await child.start()
    async with watched(child):
        await asyncio.sleep(10)
    assert said == []


async def test_looks_that_come_late_because_everything_stood_still_are_no_fault_of_the_child(
    data: DataDirectory, pulse: Pulse
) -> None:
    said: list[str] = []
    child = Child(moving(pulse, MOVING.format(busy_seconds=0, numbers=1)), data, said.append)
    await child.start()
    async with watched(child):
        await asyncio.sleep(1)
        process = psutil.Process(await child_pid(data))
        process.suspend()
        time.sleep(6)  # noqa: ASYNC251  # the supervisor as well, longer than a child may stand still
        process.resume()
        await asyncio.sleep(1)
    assert said == []


async def child_pid(data: DataDirectory) -> int:
    return int(next(reversed(msgspec.json.decode((data.run / "children.json").read_bytes()))))
