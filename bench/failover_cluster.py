"""Three PostgreSQL servers under Patroni with an etcd, as deploy/patroni has them, on this machine's loopback.

Patroni is in an environment of its own (`make failover`), etcd a package of every distribution, PostgreSQL the one that
`make up` embeds.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
from msgspec import Struct

from supervisor.account import Account, server_account
from supervisor.postgres import DATABASE, binaries
from tests.support.guarded import guarded
from tests.support.running import CHECKOUT

PATRONI = CHECKOUT / ".venv" / "failover" / "bin" / "patroni"
CONFIGURATION = CHECKOUT / "deploy" / "patroni" / "patroni.yml"
NODES = 3
LONGEST_SECONDS = 180.0

Process = subprocess.Popen[bytes]


class NotInstalled(Exception):
    """One sentence that says what is missing."""


class NotSettled(Exception):
    """The cluster has not come to rest in LONGEST_SECONDS."""


class Node(Struct):
    """One machine's worth. ``patroni`` is None while it is down."""

    name: str
    postgres_port: int
    rest_port: int
    folder: Path
    patroni: Process | None = None

    def postgres(self) -> list[psutil.Process]:
        """The first is the one that the others are children of; none while it is down."""
        try:
            first = psutil.Process(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]))
            if "postgres" in first.name():
                return [first, *first.children(recursive=True)]
        except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
            pass
        return []


class FailoverCluster:
    """``synchronous`` as the configuration has it; otherwise a commit waits for no standby."""

    def __init__(self, folder: Path, *, synchronous: bool = True) -> None:
        self._etcd_program, self._account = _programs(folder)
        self._account.own(folder)
        self._folder = folder
        self._synchronous = synchronous
        self._etcd_port, self._peer_port, *ports = _free_ports(2 + 2 * NODES)
        self._passwords = {role: secrets.token_urlsafe(12) for role in ("SUPERUSER", "REPLICATION", "REWIND")}
        self._started: list[Process] = []
        self.nodes = [
            Node(f"node{each}", ports[2 * each], ports[2 * each + 1], folder / f"node{each}") for each in range(NODES)
        ]

    @property
    def url(self) -> str:
        """The administrator's: every server, of which the one that writes is meant."""
        hosts = ",".join(f"127.0.0.1:{node.postgres_port}" for node in self.nodes)
        password = self._passwords["SUPERUSER"]
        return f"postgresql://postgres:{password}@{hosts}/{DATABASE}?target_session_attrs=read-write"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Up and settled for the block. Raises NotSettled."""
        try:
            self._start_etcd()
            for node in self.nodes:
                self.start(node)
            self.settled()
            self._make_database()
            yield
        finally:
            for node in self.nodes:
                self._end(node)
            for process in self._started:
                process.kill()
                process.wait(timeout=60)

    def start(self, node: Node) -> None:
        self._account.own(node.folder)
        configuration = node.folder / "patroni.yml"
        text = CONFIGURATION.read_text()
        if not self._synchronous:
            text = text.replace("synchronous_mode: true", "synchronous_mode: false")
            text = text.replace("synchronous_mode_strict: true", "synchronous_mode_strict: false")
        configuration.write_text(text)
        environment = self.environment_of(node, self._etcd_port, self._passwords)
        with (node.folder / "log").open("ab") as log:
            node.patroni = guarded(subprocess.Popen(
                [*self._account.prefix, str(PATRONI), str(configuration)], env=environment, cwd="/",
                stdout=log, stderr=subprocess.STDOUT,
            ))  # fmt: skip

    def primary(self) -> Node | None:
        """The one that the others of the cluster take for it, while it runs."""
        leaders = [each["name"] for each in self._members() if each["role"] == "leader" and each["state"] == "running"]
        return next((node for node in self.nodes if node.name in leaders), None)

    def settled(self) -> Node:
        """Waits until there is one primary and all others follow it, one of them synchronously. Raises NotSettled."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < deadline:
            members = self._members()
            following = [each for each in members if each["state"] == "streaming"]
            awaited = any(each["role"] == "sync_standby" for each in following)
            primary = self.primary()
            if primary and len(following) == NODES - 1 and awaited == self._synchronous:
                return primary
            time.sleep(0.1)
        raise NotSettled(f"not at rest after {LONGEST_SECONDS:.0f} s: {self._members()}")

    @contextmanager
    def silent(self, primary: Node) -> Iterator[None]:
        """For the block it sends nothing to its standbys, as when the network between the machines has a pause.

        Not the receivers: what was sent to one that stands still is in its machine, and not lost.
        """
        senders = [process for process in primary.postgres() if "walsender" in " ".join(process.cmdline())]
        for process in senders:
            process.suspend()
        try:
            yield
        finally:
            for process in senders:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def kill(self, node: Node, *, machine: bool) -> None:
        """Its PostgreSQL by SIGKILL; with ``machine`` its Patroni as well, so that nobody is left to say so."""
        if machine and node.patroni:
            node.patroni.kill()
            node.patroni.wait(timeout=60)
            node.patroni = None
        family = node.postgres()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        for process in reversed(family):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _members(self) -> Sequence[Mapping[str, Any]]:
        for node in self.nodes:
            with suppress(httpx2.HTTPError, json.JSONDecodeError, KeyError):
                answer = httpx2.get(f"http://127.0.0.1:{node.rest_port}/cluster", timeout=2, trust_env=False)
                members: Sequence[Mapping[str, Any]] = answer.json()["members"]
                return members
        return ()

    def _start_etcd(self) -> None:
        client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{self._peer_port}"
        with (self._folder / "etcd.log").open("ab") as log:
            self._started.append(guarded(subprocess.Popen(
                [
                    *self._account.prefix, self._etcd_program, "--data-dir", str(self._folder / "etcd"),
                    "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
                    "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
                ],
                cwd="/", stdout=log, stderr=subprocess.STDOUT,
            )))  # fmt: skip

    @staticmethod
    def environment_of(node: Node, etcd_port: int, passwords: Mapping[str, str]) -> dict[str, str]:
        """What deploy/patroni/node.env.example has of a machine."""
        return {
            "PATH": os.environ["PATH"], "HOME": str(node.folder), "PATRONI_NAME": node.name,
            "PATRONI_ETCD3_HOSTS": f"127.0.0.1:{etcd_port}",
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{node.rest_port}",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{node.rest_port}",
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{node.postgres_port}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{node.postgres_port}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(node.folder / "data"),
            "PATRONI_POSTGRESQL_PGPASS": str(node.folder / "pgpass"),
            "PATRONI_POSTGRESQL_BIN_DIR": str(binaries()),
            **{f"PATRONI_{role}_PASSWORD": password for role, password in passwords.items()},
        }  # fmt: skip

    def _make_database(self) -> None:
        url = self.url.replace(f"/{DATABASE}?", "/postgres?")
        command = [str(binaries() / "psql"), url, "-qc", f"CREATE DATABASE {DATABASE}"]
        subprocess.run(command, check=True, capture_output=True, timeout=60, cwd="/")

    def _end(self, node: Node) -> None:
        if node.patroni is not None:
            node.patroni.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                node.patroni.wait(timeout=20)
        self.kill(node, machine=True)


def _programs(folder: Path) -> tuple[str, Account]:
    """Where etcd is, and who runs everything. Raises NotInstalled."""
    etcd = shutil.which("etcd")
    if not PATRONI.exists() or etcd is None:
        raise NotInstalled(
            "Patroni or etcd is not here: `make failover` installs the first; the second is a package of your system "
            "(Debian: etcd-server)."
        )
    return etcd, server_account(binaries(), folder, PATRONI, (PATRONI.parent / "python").resolve())


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
