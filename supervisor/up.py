"""`loopctl up`: everything from an empty directory to a healthy address, and back down again."""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
from msgspec import Struct

from config.keys import generate_key, kept_secret
from config.pulse import PULSE_FD
from config.refusal import StartRefused
from config.settings import Settings
from migrations.roles import RolePasswords, bootstrap, with_role
from migrations.runner import MigrationError, migrate
from supervisor.children import Child, Program
from supervisor.data_directory import DataDirectory
from supervisor.guard import Guard
from supervisor.health import wait_until_healthy
from supervisor.outside import check_redis, roles_exist
from supervisor.postgres import EmbeddedPostgres
from supervisor.pulse import Pulse
from supervisor.redis import EmbeddedRedis

OPERATOR_NEEDS = frozenset(
    f"LOOPCTL_{name}"
    for name in (
        *("DATABASE_URL", "SYNCHRONOUS_REPLICATION", "PUBLIC_URL", "HOST", "PORT"),
        *("KEKS", "KEKS_FILE", "PEPPERS", "PEPPERS_FILE"),
    )
)
ROLES_TAKEN = (
    "This PostgreSQL has the roles of another loopctl: give their passwords (LOOPCTL_APP_PASSWORD and so on, see "
    "`loopctl config server`), or use the data directory that made them."
)
ROLES = ("migrator", "app", "worker", "audit", "backup")

READY_SECONDS = 60.0
"""For an API process to serve; /health alone could be answered by another one."""


class Servers(Struct, frozen=True):
    """Where PostgreSQL (administrator's address) and Redis are."""

    database_url: str
    redis_url: str


class Up:
    """One run. Steps are in order of need; whatever was started is stopped, last first, however it ends."""

    def __init__(self, settings: Settings, version: str, say: Callable[[str], None]) -> None:
        self.settings = settings
        self.data = DataDirectory(settings.data_dir)
        self._version = version
        self._say = say
        self._children: list[Child] = []
        self._watch: Callable[[int], None] = lambda _: None
        self._passwords: RolePasswords | None = None
        self._address = ""
        self._sealed: str | None = None
        self._held = ExitStack()

    async def run(self) -> None:
        """Returns after a clean stop by SIGINT, SIGTERM or SIGHUP. Raises StartRefused when it cannot come up."""
        with self.data.taken(), self._held as held:
            stop = _stop_requested()
            # First of all: a child that a killed `up` left behind still holds the listening socket.
            left = await asyncio.to_thread(self.data.end_left_over_children)
            listener = held.enter_context(closing(listen(self.settings)))
            self._watch = held.enter_context(Guard()).watch
            if left:
                self._say(f"Ended {left} processes that an earlier run had left behind")
            work = asyncio.create_task(self._serve(listener))
            asked = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    work.result()
            except BaseExceptionGroup as group:
                # Not `except*`: before Python 3.11.4 what is raised inside one comes out in a group again.
                raise first_refusal(group) from None
            finally:
                asked.cancel()
                work.cancel()
                await asyncio.gather(work, asked, return_exceptions=True)
                await self._stop_children()

    async def _serve(self, listener: socket.socket) -> None:
        began = time.monotonic()
        self._say(f"loopctl {self._version}, data in {self.data.path}")
        servers = await self._start_servers()
        await self._migrate(servers)
        await self._start_services(servers, listener)
        seconds = time.monotonic() - began
        self._say(f"Healthy at {self._address} after {seconds:.1f} s; Ctrl-C stops it, logs are in {self.data.logs}")
        if self._sealed:
            self._say(f"SEALED: {self._sealed} Until then what needs a key answers 503.")
        async with asyncio.TaskGroup() as group:
            for child in self._children:
                group.create_task(child.keep_running())

    async def _start_servers(self) -> Servers:
        """Starts what was not given by address; the two do not wait for each other."""
        async with asyncio.TaskGroup() as group:
            database = group.create_task(self._start_postgres())
            redis = group.create_task(self._start_redis())
        return Servers(database.result(), redis.result())

    async def _start_postgres(self) -> str:
        if self.settings.database_url:
            return self.settings.database_url
        postgres = EmbeddedPostgres(self.data)
        if not (postgres.cluster / "PG_VERSION").exists():
            self._say("Creating the database cluster")
        await _to_its_end(postgres.prepare)
        await self._start(
            Program(
                name="postgres",
                prepare=postgres.prepare,
                command=lambda: postgres.command,
                ready=postgres.wait_until_ready,
                stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
                stop_seconds=30,
            )
        )
        return postgres.admin_url

    async def _start_redis(self) -> str:
        if self.settings.redis_url:
            await check_redis(self.settings.redis_url)
            return self.settings.redis_url
        redis = EmbeddedRedis(self.data)
        await self._start(
            Program(name="redis", prepare=redis.prepare, command=lambda: redis.command, ready=redis.wait_until_ready)
        )
        return redis.url

    async def _migrate(self, servers: Servers) -> None:
        try:
            if self.settings.database_url and not self._knows_roles() and await roles_exist(servers.database_url):
                raise StartRefused(ROLES_TAKEN)
            self._passwords = self._role_passwords()
            await bootstrap(servers.database_url, self._passwords)
            applied = await migrate(with_role(servers.database_url, "loopctl_migrator", self._passwords.migrator))
        except MigrationError as error:
            raise StartRefused(str(error)) from error
        if applied:
            self._say(f"Applied {len(applied)} migrations")

    async def _start_services(self, servers: Servers, listener: socket.socket) -> None:
        self._address = f"http://{_bracketed(self.settings.host)}:{listener.getsockname()[1]}"
        metrics = self.data.run / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)  # values of processes that are gone
        metrics.mkdir()
        common = self._service_environment(servers, metrics, listener.getsockname()[1])
        programs = [self._api(number, common, servers, listener) for number in range(self.settings.workers)]
        programs.append(self._worker(common, servers))
        async with asyncio.TaskGroup() as group:
            for program in programs:
                group.create_task(self._start(program))

    def _api(self, number: int, common: Mapping[str, str], servers: Servers, listener: socket.socket) -> Program:
        name = "api" if self.settings.workers == 1 else f"api-{number + 1}"
        serves = self.data.run / f"{name}.ready"

        async def ready() -> None:
            async with asyncio.timeout(READY_SECONDS):
                while not serves.exists():  # noqa: ASYNC110  # another process makes it
                    await asyncio.sleep(0.02)
            await self._healthy()

        # The socket is ours, so that connections wait while an API process restarts instead of being refused.
        environment = {
            **common,
            "LOOPCTL_DATABASE_URL": with_role(servers.database_url, "loopctl_app", self._known_passwords().app),
            "LOOPCTL_LISTEN_FD": str(listener.fileno()),
            "LOOPCTL_READY_FILE": str(serves),
        }
        self._tell_operator(environment)
        pulse = self._pulse()
        return Program(
            name=name,
            prepare=lambda: serves.unlink(missing_ok=True),
            command=lambda: [sys.executable, "-m", "api"],
            ready=ready,
            environment={**environment, PULSE_FD: str(pulse.writes)},
            inherit=(listener.fileno(), pulse.writes),
            stop_seconds=self.settings.shutdown_seconds + 5,
            moved=pulse.moved,
            still_seconds=self.settings.still_seconds,
        )

    def _worker(self, common: Mapping[str, str], servers: Servers) -> Program:
        url = with_role(servers.database_url, "loopctl_worker", self._known_passwords().worker)
        pulse = self._pulse()
        return Program(
            name="worker",
            command=lambda: [sys.executable, "-m", "workers"],
            ready=self._healthy,
            environment={**common, "LOOPCTL_DATABASE_URL": url, PULSE_FD: str(pulse.writes)},
            inherit=(pulse.writes,),
            stop_seconds=self.settings.shutdown_seconds + 5,
            moved=pulse.moved,
            still_seconds=self.settings.still_seconds,
        )

    def _pulse(self) -> Pulse:
        return self._held.enter_context(closing(Pulse()))

    def _service_environment(self, servers: Servers, metrics: Path, port: int) -> dict[str, str]:
        """Each service gets what it needs and no more: never the administrator's or the migrator's password."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LOOPCTL_", "PG"))}
        settings = self.settings
        ours = {
            "LOOPCTL_REDIS_URL": servers.redis_url,
            "LOOPCTL_HOST": settings.host,
            "LOOPCTL_PORT": str(port),
            "LOOPCTL_DATA_DIR": str(self.data.path),
            "LOOPCTL_PUBLIC_URL": settings.public_url or "",
            "LOOPCTL_CONTACT": settings.contact or "",
            "LOOPCTL_LOG_LEVEL": settings.log_level,
            "LOOPCTL_METRICS_DIR": str(metrics),
            "LOOPCTL_WORKERS": str(settings.workers),
            "LOOPCTL_WORKER_THREADS": str(settings.worker_threads),
            "LOOPCTL_SYNCHRONOUS_REPLICATION": str(settings.synchronous_replication).lower(),
            "LOOPCTL_PROXIES": str(settings.proxies),
            "LOOPCTL_RATE_LIMIT_CEILING": str(settings.rate_limit_ceiling),
            "LOOPCTL_EGRESS_ALLOW": str(settings.egress_allow or ""),
            "LOOPCTL_DEVELOPMENT": str(settings.development).lower(),
            "LOOPCTL_EGRESS_LOOKUP": str(settings.egress_lookup).lower(),
            "LOOPCTL_EGRESS_ALLOW_HTTP": str(settings.egress_allow_http).lower(),
            "LOOPCTL_CI_ISSUERS": str(settings.ci_issuers or ""),
            "LOOPCTL_EMBEDDINGS_URL": settings.embeddings_url or "",
            "LOOPCTL_EMBEDDINGS_KEY": settings.embeddings_key or "",
            "LOOPCTL_EMBEDDINGS_MODEL": settings.embeddings_model,
            "LOOPCTL_EMBEDDINGS_DIMENSIONS": str(settings.embeddings_dimensions or ""),
            "LOOPCTL_WEBAUTHN_RP_ID": settings.webauthn_rp_id or "",
            "LOOPCTL_WEBAUTHN_ORIGINS": settings.webauthn_origins or "",
            "LOOPCTL_WEBAUTHN_ROOTS": str(settings.webauthn_roots or ""),
            "LOOPCTL_WEBAUTHN_MODELS": str(settings.webauthn_models or ""),
            "LOOPCTL_SIGNUPS_PER_HOUR": str(settings.signups_per_hour),
            "LOOPCTL_SHUTDOWN_SECONDS": str(settings.shutdown_seconds),
            "LOOPCTL_KEKS": settings.keks or "",
            "LOOPCTL_PEPPERS": settings.peppers or "",
        }
        if settings.database_url is None:
            for name in ("keks", "peppers"):
                if not ours[f"LOOPCTL_{name.upper()}"]:
                    kept_secret(self.data.keys / name, generate_key())
                    ours[f"LOOPCTL_{name.upper()}_FILE"] = str(self.data.keys / name)
        return {**inherited, **ours}

    def _tell_operator(self, environment: Mapping[str, str]) -> None:
        """How `python -m operations --data-dir` reaches this service: what the API is given too."""
        path = self.data.run / "service.json"
        told = {name: environment[name] for name in sorted(environment) if name in OPERATOR_NEEDS}
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_bytes(msgspec.json.encode(told))

    def _knows_roles(self) -> bool:
        """The passwords were given, or an earlier run on this directory has made them."""
        return all(getattr(self.settings, f"{role}_password") or self._role_file(role).exists() for role in ROLES)

    def _role_file(self, role: str) -> Path:
        return self.data.keys / f"role-{role}"

    def _role_passwords(self) -> RolePasswords:
        """Given ones win; the others are made once and kept with the data."""
        given = {role: getattr(self.settings, f"{role}_password") for role in ROLES}
        kept = {
            role: password or kept_secret(self._role_file(role), secrets.token_urlsafe(24))
            for role, password in given.items()
        }
        return msgspec.convert(kept, RolePasswords)

    def _known_passwords(self) -> RolePasswords:
        if self._passwords is None:
            raise RuntimeError("the roles were not set up")
        return self._passwords

    async def _healthy(self) -> None:
        """API and worker are ready when /health, which asks about both, says so; sealed counts as up."""
        self._sealed = await wait_until_healthy(self._address)

    async def _start(self, program: Program) -> None:
        child = Child(program, self.data, self._say, self._watch)
        self._children.append(child)
        await child.start()

    async def _stop_children(self) -> None:
        """API and worker first, together; then the servers that they use."""
        if not self._children:
            return
        self._say("Stopping")
        servers = [child for child in self._children if child.program.name in ("postgres", "redis")]
        services = [child for child in self._children if child not in servers]
        for group in (services, servers):
            await asyncio.gather(*(child.stop() for child in group))
        self._say("Stopped")


def listen(settings: Settings) -> socket.socket:
    """The listening socket, bound before anything is started. Raises StartRefused when the address is taken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1024)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise StartRefused(
            f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}. Choose another --port or --host."
        ) from error
    return listener


def first_refusal(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first of several, because one sentence helps more than a list of consequences; a bug stays the group."""
    refusals, _ = group.split(StartRefused)
    found: BaseException | None = refusals
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found or group


async def _to_its_end(step: Callable[[], object]) -> None:
    """In a thread. A stop in the middle waits for it: the directory must not be let go while something writes there."""
    task = asyncio.ensure_future(asyncio.to_thread(step))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _stop_requested() -> asyncio.Event:
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for received in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(received, event.set)
    return event


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
