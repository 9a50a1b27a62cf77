"""A trivial JSON POST through our whole stack against the same uvicorn with nothing in it, and uvicorn against granian.

One process each, one load generator on the other core, alternating repetitions, medians. CPU is the server's own time
for a request, which moves less than the rate when the machine has other work.
"""

import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version

import msgspec
import psutil
from msgspec import Struct

from bench.echo_app import NAMES
from bench.load import Load
from tests.support.guarded import guarded

REPETITIONS = 7
SECONDS = 2.0
CONNECTIONS = 32


class Measured(Struct, frozen=True):
    load: Load
    cpu_microseconds: float


class Server(Struct, frozen=True):
    name: str
    port: int
    processes: list[psutil.Process]

    def cpu_seconds(self) -> float:
        return sum(times.user + times.system for times in (process.cpu_times() for process in self.processes))


def main(arguments: Sequence[str]) -> int:
    repetitions = int(arguments[0]) if arguments else REPETITIONS
    print_machine()
    with ExitStack() as running:
        servers = [running.enter_context(ours(name)) for name in NAMES]
        servers.append(running.enter_context(granian()))
        results: dict[str, list[Measured]] = {server.name: [] for server in servers}
        for server in servers:
            measured(server, seconds=0.5)
        for _ in range(repetitions):
            for server in servers:
                results[server.name].append(measured(server))
    print_table(results)
    return 1 if any(each.load.wrong for runs in results.values() for each in runs) else 0


@contextmanager
def ours(name: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "bench.echo_app", name]
    with guarded(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)) as process:
        try:
            assert process.stdout is not None
            yield Server(name, int(process.stdout.readline()), [psutil.Process(process.pid)])
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def granian() -> Iterator[Server]:
    """The real shell on granian, with one worker and the settings that its own documentation gives for speed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "granian", "--interface", "asginl", "--workers", "1", "--loop", "uvloop", "--http", "1",
        "--no-ws", "--runtime-mode", "st", "--host", "127.0.0.1", "--port", str(port), "--no-log", "--factory",
        "bench.echo_app:quiet_shell_app",
    ]  # fmt: skip
    process = guarded(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    try:
        wait_for(port)
        parent = psutil.Process(process.pid)
        yield Server("shell on granian", port, [parent, *parent.children(recursive=True)])
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


def measured(server: Server, seconds: float = SECONDS) -> Measured:
    before = server.cpu_seconds()
    command = [sys.executable, "-m", "bench.load", str(server.port), str(CONNECTIONS), str(seconds)]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    used = server.cpu_seconds() - before
    load = msgspec.json.decode(output, type=Load)
    return Measured(load, used / max(1.0, load.rate * seconds) * 1e6)


def print_machine() -> None:
    packages = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "litestar", "granian"))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {packages}")


def print_table(results: dict[str, list[Measured]]) -> None:
    print(f"{'':18}{'req/s':>9}{'/ bare':>8}{'CPU µs':>8}{'bare /':>8}{'p50 ms':>8}{'p99 ms':>8}")
    bare = results["bare"]
    for name, runs in results.items():
        # Pairs of one round, so that what slows the machine for a while slows both.
        rates = statistics.median(run.load.rate / other.load.rate for run, other in zip(runs, bare, strict=True))
        costs = statistics.median(
            other.cpu_microseconds / run.cpu_microseconds for run, other in zip(runs, bare, strict=True)
        )
        print(
            f"{name:18}{statistics.median(run.load.rate for run in runs):9.0f}{rates:8.2f}"
            f"{statistics.median(run.cpu_microseconds for run in runs):8.1f}{costs:8.2f}"
            f"{statistics.median(run.load.p50_ms for run in runs):8.2f}"
            f"{statistics.median(run.load.p99_ms for run in runs):8.2f}"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
