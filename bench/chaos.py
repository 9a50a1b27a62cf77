"""SIGKILL to API, worker and PostgreSQL of a running `up`, any of them at any moment, under eight writers (06, B1).

Each writer takes stories from contract to verified over HTTP, every request under an idempotency key. One whose outcome
is not known is sent again, the same, until it is. At the end every acknowledged transition is in the export of the log
once, the log verifies, and the read models are what the log makes of them. `make soak ARGS="chaos 30 SEED"`.

Now and then a writer does not wait for an answer, as one whose connection breaks. The control sends everything without
a key: it must be found that something was lost, doubled, or never resolved.
"""

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import httpx2
import psutil
from msgspec import Struct, field

from loopctl.audit.archive import ArchiveSource
from loopctl.tlog.entry import decode_head
from loopctl.tlog.tile import Bundle, parse_bundle, parse_tile_path
from projections.inline import PROJECTIONS
from tests.support.running import CHECKOUT, Run, up

WRITERS = 8
PATIENCE_SECONDS = 60.0
VICTIMS = {"api": "-m api", "worker": "-m workers", "postgres": "bin/postgres"}
"""Name, and what its command line has in it."""
TAGS = {
    "create": "story.created", "contract": "story.contracted", "claim": "story.claimed", "start": "story.started",
    "report": "story.reported", "review-complete": "story.review_completed", "verify": "story.verified",
}  # fmt: skip


class Broken(Exception):
    """Something acknowledged is not there, or is there twice, or nobody ever learns what became of a request."""


class Totals(Struct):
    kills: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    replayed: int = 0
    acknowledged: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Story and action."""
    seconds: list[float] = field(default_factory=list)
    """From a kill to the first answer."""
    faults: list[str] = field(default_factory=list)


class Asking:
    """One client with one key; ``keyless`` is the control."""

    def __init__(self, address: str, totals: Totals, *, keyless: bool) -> None:
        self._http = httpx2.Client(base_url=address + "/api/v1", timeout=10, trust_env=False)
        self._totals = totals
        self._keyless = keyless

    def post(self, raw: str, path: str, body: Any) -> httpx2.Response:
        """Until the answer is one. Raises Broken when it never is."""
        headers = {"Authorization": f"Bearer {raw}", "Idempotency-Key": str(uuid4())}
        if self._keyless:
            del headers["Idempotency-Key"]
        deadline, uncertain = time.monotonic() + PATIENCE_SECONDS, False
        while time.monotonic() < deadline:
            with suppress(httpx2.HTTPError):
                answer = self._http.post(path, json=body, headers=headers, timeout=self._patience(uncertain))
                if answer.status_code < 500 and answer.status_code != 429:
                    self._totals.unknown += uncertain
                    self._totals.replayed += "idempotent-replayed" in answer.headers
                    return answer
            uncertain = True
            time.sleep(0.05)
        raise Broken(f"nobody learns what became of {path}")

    def _patience(self, uncertain: bool) -> float:
        """Now and then a first answer is not waited for, as by a client whose connection breaks."""
        return 0.02 if not uncertain and random.random() < 0.05 else 10.0


class Crew(Struct, frozen=True):
    """Raw keys."""

    user: str
    implementer: str
    reviewer: str
    lead: str
    slug: str
    tenant: str


def crew(data: Path, address: str) -> Crew:
    """A tenant of its own, by the operator's command and over HTTP."""
    slug = f"chaos-{uuid4().hex[:8]}"
    made = operator(data, "create-tenant", "--name", "Chaos", "--slug", slug, "--email", "chaos@example.com")
    user = made["api_key"]["raw_key"]
    asking = Asking(address, Totals(), keyless=False)

    def key(role: str, **more: str) -> str:
        raw: str = asking.post(user, "/api_keys", {"name": role, "role": role, **more}).json()["api_key"]["raw_key"]
        return raw

    def agent(name: str, kind: str = "implementer") -> tuple[str, str]:
        raw = key("agent")
        made = asking.post(raw, "/agents/register", {"name": name, "agent_type": kind})
        return raw, made.json()["agent"]["id"]

    (implementer, _), (reviewer, _), (_, lead) = agent("ann"), agent("ben"), agent("lea", "orchestrator")
    return Crew(user, implementer, reviewer, key("orchestrator", agent_id=lead), slug, made["tenant"]["id"])


def operator(data: Path, *arguments: str) -> Any:
    """What it says. Raises Broken."""
    command = [sys.executable, "-m", "operations", *arguments, "--data-dir", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=120, check=False)
    if done.returncode:
        raise Broken(f"{' '.join(arguments)}: {done.stdout} {done.stderr}")
    return json.loads(done.stdout)


def drive(asking: Asking, crew: Crew, epic: str, number: int, totals: Totals) -> None:
    """One story, from nothing to verified. Raises Broken."""
    created = asking.post(
        crew.user, f"/epics/{epic}/stories", {"number": f"{number // 9999}.{number % 9999}", "title": "S"}
    )
    if created.status_code != 201:
        raise Broken(f"a story was refused: {created.text}")
    story = created.json()["story"]["id"]
    totals.acknowledged[story, "create"] += 1
    for raw, action, body in steps(crew):
        answer = asking.post(raw, f"/stories/{story}/{action}", body)
        if answer.status_code not in (200, 201, 202):
            raise Broken(f"{action} was refused: {answer.text}")
        totals.acknowledged[story, action] += 1


def steps(crew: Crew) -> Sequence[tuple[str, str, Any]]:
    return (
        (crew.implementer, "contract", {"story_title": "S", "ac_count": 0}),
        (crew.implementer, "claim", {}),
        (crew.implementer, "start", {}),
        (crew.reviewer, "report", {}),
        (crew.reviewer, "review-complete", {"review_type": "team"}),
        (crew.lead, "verify", {"review_type": "team", "summary": "ok"}),
    )


class Chaos:
    def __init__(self, started: Run, seed: int, *, keyless: bool) -> None:
        self._started = started
        self._chance = random.Random(seed)
        self._crew = crew(started.data, started.address)
        self._keyless = keyless
        self._stop = threading.Event()
        self.totals = Totals()

    def run(self, kills: int) -> None:
        """Raises Broken."""
        threads = [threading.Thread(target=self._write, args=(each,)) for each in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            while self.totals.kills < kills and not self.totals.faults:
                time.sleep(self._chance.uniform(0.2, 1.5))
                self._strike()
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
        if self.totals.faults:
            raise Broken("; ".join(self.totals.faults[:3]))
        self._check()

    def _write(self, writer: int) -> None:
        asking = Asking(self._started.address, self.totals, keyless=self._keyless)
        try:
            project = asking.post(self._crew.user, "/projects", {"name": "p", "slug": f"p-{writer}"}).json()["project"][
                "id"
            ]
            epic = asking.post(self._crew.user, f"/projects/{project}/epics", {"number": 1, "title": "E"}).json()[
                "epic"
            ]["id"]
            number = 0
            while not self._stop.is_set():
                number += 1
                drive(asking, self._crew, epic, number, self.totals)
        except (Broken, KeyError) as fault:
            self.totals.faults.append(repr(fault))

    def _strike(self) -> None:
        """Some of the three at once; then waits until somebody answers again."""
        names = self._chance.sample(list(VICTIMS), self._chance.randint(1, 3))
        for name in names:
            with suppress(AssertionError, psutil.NoSuchProcess):
                self._victim(name).kill()
                self.totals.struck[name] += 1
        self.totals.kills += 1
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_SECONDS:
            with suppress(httpx2.HTTPError):
                if self._started.get("/health").status_code == 200:
                    self.totals.seconds.append(time.monotonic() - began)
                    return
            time.sleep(0.02)
        self.totals.faults.append(f"not healthy again after {names}")

    def _victim(self, name: str) -> psutil.Process:
        for process in psutil.Process(self._started.process.pid).children():
            line = " ".join(process.cmdline())
            if VICTIMS[name] in line:
                return process
        raise AssertionError(f"there is no {name}")

    def _check(self) -> None:
        """The log by its own checks, what was acknowledged against it, the read models by a rebuild."""
        slug, data = self._crew.slug, self._started.data
        operator(data, "fsck", "--tenant", slug)
        for projection in PROJECTIONS:
            operator(data, "rebuild", projection.name, "--tenant", slug)
        recorded = self._recorded()
        for (story, action), times in self.totals.acknowledged.items():
            tag = TAGS[action]
            if not times == recorded[story, tag] == 1:
                raise Broken(f"{action} of {story}: acknowledged {times} times, recorded {recorded[story, tag]} times")
        doubled = [each for each, times in recorded.items() if times > 1]
        unacknowledged = sum(recorded.values()) - sum(self.totals.acknowledged.values())
        if doubled or unacknowledged:
            raise Broken(f"doubled: {doubled}; recorded and acknowledged to nobody: {unacknowledged}")

    def _recorded(self) -> Counter[tuple[str, str]]:
        """Story and tag of every event of a story, from an export that verifies."""
        archive = verified_export(self._started, self._crew.user)
        found: Counter[tuple[str, str]] = Counter()
        for name, data in ArchiveSource(archive).members():
            if name.startswith("tile/entries/") and isinstance(group := parse_tile_path(name), Bundle):
                heads = (decode_head(raw) for raw in parse_bundle(group, data))
                found.update((head.entity[1], head.type) for head in heads if head.type in TAGS.values())
        return found


def verified_export(started: Run, raw_key: str) -> Path:
    """The tenant's log as a file. Raises Broken when it does not verify."""
    headers = {"Authorization": f"Bearer {raw_key}"}
    archive = started.data.parent / "export.tar"
    url = started.address + "/api/v1/audit/export"
    archive.write_bytes(httpx2.get(url, headers=headers, timeout=60, trust_env=False).content)
    command = [sys.executable, "-c", LOOPCTL, "log", "verify", str(archive)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=60, check=False)
    if done.returncode:
        raise Broken(f"the export does not verify: {done.stdout} {done.stderr}")
    return archive


LOOPCTL = "from loopctl.cli.main import main; import sys; sys.argv[0] = 'loopctl'; sys.exit(main())"


def run(kills: int, seed: int, *, keyless: bool = False) -> Totals:
    """Raises Broken."""
    with (
        tempfile.TemporaryDirectory(prefix="loopctl-chaos-", ignore_cleanup_errors=True) as parent,
        up(Path(parent) / "data") as started,
    ):
        started.wait_until_healthy()
        chaos = Chaos(started, seed, keyless=keyless)
        chaos.run(kills)
        return chaos.totals


def main(arguments: list[str]) -> int:
    kills = int(arguments[0]) if arguments else 30
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    try:
        totals = run(kills, seed)
    except Broken as broken:
        print(f"seed {seed}: BROKEN: {broken}")
        return 1
    seconds = sorted(totals.seconds)
    print(
        f"seed {seed}: {totals.kills} strikes {dict(totals.struck)}, {sum(totals.acknowledged.values())} acknowledged "
        f"transitions, each in the log once; {totals.unknown} outcomes unknown at first, all resolved, "
        f"{totals.replayed} by an earlier answer; log verifies, read models equal a rebuild"
    )
    print(f"  healthy again after p50 {median(seconds):.2f} s, max {seconds[-1]:.2f} s")
    try:
        run(kills, seed, keyless=True)
    except Broken as broken:
        print(f"control (no idempotency keys): red, as it must be: {str(broken)[:200]}")
        return 0
    print("control (no idempotency keys): GREEN: the campaign proves nothing")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
