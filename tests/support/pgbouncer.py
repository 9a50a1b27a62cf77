"""A pgbouncer in transaction mode before a test database: each transaction of a client on whichever connection is free.

A package of every distribution, like nginx.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from supervisor.account import server_account
from tests.support.guarded import guarded

if TYPE_CHECKING:
    from tests.support.database import TestDatabase

PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
CONNECTIONS = 2
"""To the server, however many clients there are."""

CONFIGURATION = """
[databases]
{name} = host={host} dbname={name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 100
logfile = {folder}/log
"""


def find() -> str | None:
    return shutil.which("pgbouncer", path=PLACES)


@contextmanager
def pgbouncer(database: "TestDatabase") -> Iterator[str]:
    """The application's address through it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="loopctl-pgbouncer-"))
    address = urlsplit(database.app_url)
    host, password = parse_qs(address.query)["host"][0], address.password
    account = server_account(folder, Path(host))  # it has to reach the server's socket
    account.own(folder)
    text = CONFIGURATION.format(name=database.name, host=host, port=port, folder=folder, connections=CONNECTIONS)
    for name, content in (("ini", text), ("users", f'"loopctl_app" "{password}"\n')):
        (folder / name).write_text(content, "utf-8")
        (folder / name).chmod(0o644)
    command = [*account.prefix, str(find()), "-q", str(folder / "ini")]
    process = guarded(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/"))
    try:
        _wait_until_up(port, process)
        yield f"postgresql://loopctl_app:{password}@127.0.0.1:{port}/{database.name}?statement_cache_size=0"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.02)
        else:
            return
    raise AssertionError("pgbouncer does not answer")
