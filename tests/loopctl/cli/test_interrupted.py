"""Ctrl-C, wherever it comes: one line, and exit code 130."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.loopctl.cli.outside import SECONDS, environment
from tests.loopctl.cli.stub import Answer, stub
from tests.support.guarded import guarded

BEGIN = """
import os, signal, sys
from loopctl.start import main

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting())
sys.argv = ["loopctl", *{arguments!r}]
sys.exit(main())
"""
RUN = """
import signal, sys
from loopctl.start import main

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""
"""A shell without a terminal lets what runs in its background ignore Ctrl-C, and its children with it."""
LOADED = (
    ("loopctl.cli.main", ("next",)), ("cyclopts", ("next",)), ("loopctl.cli.commands", ("--help",)),
    ("loopctl.cli.work", ("next",)), ("loopctl.client", ("next",)), ("loopctl.cli.failing", ("frobnicate",)),
    ("loopctl.cli.doctor", ("doctor",)), ("loopctl.cli.log", ("log", "verify", "x")),
)  # fmt: skip


@pytest.mark.parametrize(("module", "arguments"), LOADED, ids=[module for module, _ in LOADED])
def test_while_it_begins(tmp_path: Path, module: str, arguments: tuple[str, ...]) -> None:
    """Was a traceback of whatever was being loaded."""
    code = BEGIN.format(module=module, arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path, "http://127.0.0.1:9"), capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (130, "", 1), done.stderr
    assert "nterrupted" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("next",), ("project", "create", "my-app"), ("changes", "--follow"), ("export", "-p", "p"), ("doctor",)],
)
def test_while_it_waits_for_an_answer(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Was exit 130 without a word."""
    asked, done = threading.Event(), threading.Event()

    def held(_: str) -> None:
        asked.set()
        done.wait(SECONDS)

    with stub(Answer(200, {"data": []}), before=held) as server:
        process = guarded(subprocess.Popen(
            [sys.executable, "-c", RUN, *arguments], env=environment(tmp_path, server.address),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ))  # fmt: skip
        assert asked.wait(SECONDS)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
        done.set()
    assert (process.returncode, out, len(err.splitlines())) == (130, "", 1), err
    assert "nterrupted" in err
