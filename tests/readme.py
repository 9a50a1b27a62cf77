"""Runs what README.md prints: ``python -m tests.readme`` in a fresh clone, with an installation of its own.

A command is a line ``$ …`` of a console block, with its continuation in lines ``> …``; the lines after it are what it
has to print, in this order, where ``…`` stands for anything. What ends with another exit code than 0 has to say so
itself. All of it is one shell, as for whoever types it. The service gets a free port, which replaces the document's.
"""

import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from tests.house.tree import CHECKOUT, names
from tests.support.guarded import guarded

DOCUMENT = CHECKOUT / "README.md"
ADDRESS = "http://127.0.0.1:4000"
NOT_RUN = ("Work on it",)
"""Sections whose commands are the suite itself, and take hours."""

COMMAND_SECONDS = 600.0
INSTALLED = ("requirements.lock", "requirements-assets.lock", "pyproject.toml")
"""What `make up` compares its installation with."""

MARK = "-- that was"


class Step(Struct, frozen=True):
    """A command, and the lines that it has to print."""

    section: str
    command: str
    printed: tuple[str, ...] = ()


class Wrong(Exception):
    """A command of the document does something else than it says."""


def steps(text: str) -> Iterator[Step]:
    section = ""
    for part in re.split(r"^## ", text, flags=re.MULTILINE):
        section = part.partition("\n")[0]
        for block in re.findall(r"^```console\n(.*?)^```", part, flags=re.MULTILINE | re.DOTALL):
            for said in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                first, *rest = said.splitlines()
                more = [line.removeprefix("> ") for line in rest if line.startswith("> ")]
                yield Step(
                    section, "\n".join([first, *more]), tuple(line for line in rest if not line.startswith("> "))
                )


def missing(printed: Sequence[str], output: str) -> str | None:
    """The first line that should have been printed, in its order, and was not."""
    lines = iter(output.splitlines())
    for wanted in printed:
        pattern = re.compile(".*".join(map(re.escape, wanted.strip().split("…"))))
        if wanted.strip() != "…" and not any(pattern.fullmatch(line.strip()) for line in lines):
            return wanted
    return None


class Reader:
    """One shell, in a folder that is not used for anything else."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._service: subprocess.Popen[bytes] | None = None
        self._shell = guarded(subprocess.Popen(
            ["bash", "--noprofile", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=folder, env=environment, text=True, start_new_session=True,
        ))  # fmt: skip
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def run(self, step: Step) -> None:
        """Raises Wrong."""
        if step.command.startswith("make up"):
            self._start(step)
            return
        code, output = self._typed(step.command)
        absent = missing(step.printed, output)
        if code != 0 or absent is not None:
            why = f"ended with {code}" if code else f"did not print {absent!r}"
            raise Wrong(f"$ {step.command}\n{why}; it said:\n{output}")

    def close(self) -> None:
        if self._service is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._service.pid, signal.SIGINT)
            self._service.wait(60)
        self._shell.kill()
        self._shell.wait()
        for pipe in (self._shell.stdin, self._shell.stdout):
            if pipe is not None:
                pipe.close()

    def _typed(self, command: str) -> tuple[int, str]:
        assert self._shell.stdin is not None
        self._shell.stdin.write(f'{{ {command}\n}} </dev/null\necho "{MARK} $?"\n')
        self._shell.stdin.flush()
        lines: list[str] = []
        while not lines or not lines[-1].startswith(MARK):
            try:
                lines.append(self._said.get(timeout=COMMAND_SECONDS))
            except queue.Empty:
                raise Wrong(f"$ {command}\nwas not done after {COMMAND_SECONDS:g} s") from None
        return int(lines[-1].removeprefix(MARK)), "".join(lines[:-1])

    def _start(self, step: Step) -> None:
        """In the background, as in a terminal of its own, until it has said what it has to."""
        output = self._folder.parent / "service.out"
        with output.open("wb") as said:
            self._service = guarded(subprocess.Popen(
                ["bash", "-c", step.command], stdout=said, stderr=said, cwd=self._folder, env=self._environment,
                start_new_session=True,
            ))  # fmt: skip
        deadline = time.monotonic() + COMMAND_SECONDS
        while (absent := missing(step.printed, output.read_text())) is not None:
            if self._service.poll() is not None or time.monotonic() > deadline:
                raise Wrong(f"$ {step.command}\ndid not print {absent!r}; it said:\n{output.read_text()}")
            time.sleep(0.05)

    def _listen(self) -> None:
        for line in self._shell.stdout or ():
            self._said.put(line)


@contextmanager
def reader(folder: Path, **variables: str) -> Iterator[tuple[Reader, str]]:
    """And the address that its service will have. What is in the caller's environment for loopctl does not count."""
    address = f"127.0.0.1:{_free_port()}"
    ours = ("LOOPCTL_", "PYTEST", "MAKE", "MFLAGS", "ARGS")  # make hands its own on to what it starts
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    home = folder.parent / "home"
    home.mkdir()
    made = Reader(folder, {**clean, "HOME": str(home), "LOOPCTL_PORT": address.rpartition(":")[2], **variables})
    try:
        yield made, f"http://{address}"
    finally:
        made.close()


def read(text: str, folder: Path, without: Sequence[str] = NOT_RUN, **variables: str) -> int:
    """How many commands there were. Raises Wrong."""
    with reader(folder, **variables) as (someone, address):
        bare = address.removeprefix("http://")
        replaced = text.replace(ADDRESS, address).replace(ADDRESS.removeprefix("http://"), bare)
        wanted = [step for step in steps(replaced) if step.section not in without]
        for step in wanted:
            someone.run(step)
        return len(wanted)


def copied(folder: Path) -> Path:
    """What git has of this checkout, with the installation that is there: a fresh clone without its first minute."""
    copy = folder / "loopctl"
    for name in names():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, target)
    for name in INSTALLED:
        os.utime(copy / name, (0, 0))
    (copy / ".venv").symlink_to(CHECKOUT / ".venv")
    return copy


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="loopctl-readme-") as folder:
        clone = Path(folder, "loopctl")
        subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(clone)], check=True)
        try:
            count = read((clone / "README.md").read_text(), clone)
        except Wrong as wrong:
            sys.stderr.write(f"{wrong}\n")
            return 1
    sys.stdout.write(f"All {count} commands of README.md do what it says.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
