"""Supervision of one child, with small programs in its place."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.refusal import StartRefused
from supervisor.children import Child, Program
from supervisor.data_directory import DataDirectory

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
