"""The command as a process of its own: with streams as shells, terminals and services make them."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tests.loopctl.cli.shell import Said
from tests.support.guarded import guarded
from tests.support.running import CHECKOUT

SECONDS = 60
OTHERS = ("LOOPCTL_", "LC_", "PYTHONIO", "COLUMNS", "NO_COLOR")
"""What the shell around the tests says of its own terminal and settings."""


def environment(home: Path, server: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    own = {"LOOPCTL_CONFIG": str(home / "config.json"), "LOOPCTL_SERVER": server, "PYTHONPATH": str(CHECKOUT)}
    return {**kept, **own, **more}


def outside(
    *arguments: str, env: Mapping[str, str], stdout: int | IO[Any] = subprocess.PIPE, line: str = "", said: bytes = b""
) -> Said:
    """``line`` is a line of a shell around it, such as ``"$@" >&-``."""
    command = [sys.executable, "-m", "loopctl", *arguments]
    if line:
        command = ["sh", "-c", line, "sh", *command]
    done = subprocess.run(
        command, env=env, stdout=stdout, stderr=subprocess.PIPE, input=said, timeout=SECONDS, check=False
    )
    written = (done.stdout or b"").decode(env.get("PYTHONIOENCODING", "utf-8"))
    return Said(done.returncode, written, done.stderr.decode())


def on_a_terminal(*arguments: str, env: Mapping[str, str], columns: int = 80) -> Said:
    """What it writes to a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = guarded(subprocess.Popen(
        [sys.executable, "-m", "loopctl", *arguments], env=env, stdout=theirs, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    ))  # fmt: skip
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # Linux says so that the other side is closed
            break
        if not part:
            break
        written += part
    _, told = process.communicate(timeout=SECONDS)
    os.close(ours)
    return Said(process.returncode, written.decode().replace("\r\n", "\n"), told.decode())
