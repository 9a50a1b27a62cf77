"""A run of one test that has everything started and waits to be stopped: tests/supervisor/test_guard.py does that."""

import os
import time
from pathlib import Path

import pytest

from tests.support.running import up

WAITS = "TEST_WAITS"
"""The name of the variable with the file that says when."""


def test_waiting(redis_url: str, tmp_path: Path) -> None:
    with up(tmp_path / "data") as run:
        run.wait_until_healthy()
        Path(os.environ[WAITS]).touch()
        time.sleep(100)
    pytest.fail("nobody has stopped this run")
