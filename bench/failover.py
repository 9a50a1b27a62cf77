"""The primary of a Patroni cluster killed under eight writers, again and again: `make soak ARGS="failover 50 SEED"`.

`loopctl up` runs on an address with all servers. Each writer comments on a story of its own through the Python client,
and waits for each answer as long as it takes; the client sends a comment again under its idempotency key. At the end
every acknowledged comment is in the list once, nothing else is, the log passes fsck, and its export verifies.

A strike stops what the primary sends to its standbys for a third of a second, then kills the primary: its PostgreSQL,
or every fifth time its Patroni as well, as when a machine is gone. The control is the same without synchronous
replication: it must be found that something acknowledged is lost.
"""

import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from msgspec import Struct, field

from bench.chaos import Broken, operator, verified_export
from bench.failover_cluster import FailoverCluster, NotInstalled, NotSettled
from config.keys import generate_key
from loopctl import Client, Failed
from tests.support.running import Run, up

WRITERS = 8
MACHINE_EVERY = 5
CONTROL_STRIKES = 10
PAUSE_SECONDS = 0.3
PATIENCE_SECONDS = 180.0
EASY = {"settings": {"rate_limit_requests_per_minute": 100_000}}
SETTINGS = {"LOOPCTL_RATE_LIMIT_CEILING": "100000"}
REPLICATED = {"LOOPCTL_SYNCHRONOUS_REPLICATION": "true"}


class Totals(Struct):
    acknowledged: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    writing: dict[str, list[float]] = field(default_factory=lambda: {"server": [], "machine": []})
    """Seconds from a kill to the end of the first write that was begun after it, by what was killed."""
    healthy: list[float] = field(default_factory=list)
    """Seconds from a kill until /health answered 200, after it had not."""
    faults: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return sum(not self.found[text] for text in self.acknowledged)

    @property
    def doubled(self) -> int:
        return sum(times > 1 for times in self.found.values())

    @property
    def unasked(self) -> int:
        """There and acknowledged to nobody, although everybody has waited for an answer."""
        return sum(text not in self.acknowledged for text in self.found)


class Writer(threading.Thread):
    """``latest`` is when its last write that was begun after ``after`` has ended."""

    def __init__(self, address: str, raw_key: str, story: str, totals: Totals, stop: threading.Event) -> None:
        super().__init__()
        self.story = story
        self.began_and_ended = (0.0, 0.0)
        self._client = Client(address, raw_key)
        self._totals = totals
        self._over = stop

    def run(self) -> None:
        try:
            while not self._over.is_set():
                self._client.patient(PATIENCE_SECONDS)
                text, began = uuid4().hex, time.monotonic()
                self._client.post(f"stories/{self.story}/comments", {"body": text})
                self.began_and_ended = began, time.monotonic()
                self._totals.acknowledged[text] += 1
        except Failed as failed:
            self._totals.faults.append(f"a writer was told: {failed}")


class Failovers:
    def __init__(self, cluster: FailoverCluster, started: Run, seed: int) -> None:
        self._cluster = cluster
        self._started = started
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        self._writers: list[Writer] = []
        self._slug = f"failover-{uuid4().hex[:8]}"
        self._user = ""
        self.totals = Totals()

    def run(self, strikes: int, *, until_lost: bool = False) -> None:
        """With ``until_lost`` it ends with the first strike after which something is lost.

        Raises Broken, NotSettled.
        """
        self._lay_out()
        for writer in self._writers:
            writer.start()
        try:
            for number in range(strikes):
                time.sleep(self._chance.uniform(0.5, 1.5))
                self._strike(machine=number % MACHINE_EVERY == MACHINE_EVERY - 1)
                if self.totals.faults or (until_lost and self._count().lost):
                    break
        finally:
            self._stop.set()
            for writer in self._writers:
                writer.join()
        self._count()

    def check_log(self) -> None:
        """Raises Broken."""
        operator(self._started.data, "fsck", "--tenant", self._slug)
        verified_export(self._started, self._user)

    def _lay_out(self) -> None:
        data, address = self._started.data, self._started.address
        made = operator(
            data, "create-tenant", "--name", "Failover", "--slug", self._slug, "--email", "failover@example.com"
        )
        self._user = made["api_key"]["raw_key"]
        user = Client(address, self._user)
        user.request("PATCH", "tenants/me", EASY)
        project = user.post("projects", {"name": "Failover", "slug": "failover"})["project"]["id"]
        epic = user.post(f"projects/{project}/epics", {"number": 1, "title": "E"})["epic"]["id"]
        for number in range(WRITERS):
            story = user.post(f"epics/{epic}/stories", {"number": f"1.{number}", "title": "S"})["story"]["id"]
            raw = user.post("api_keys", {"name": f"writer-{number}", "role": "user"})["api_key"]["raw_key"]
            self._writers.append(Writer(address, raw, story, self.totals, self._stop))

    def _strike(self, *, machine: bool) -> None:
        primary = self._cluster.settled()
        with self._cluster.silent(primary):
            time.sleep(PAUSE_SECONDS)
            killed = time.monotonic()
            self._cluster.kill(primary, machine=machine)
        self.totals.writing["machine" if machine else "server"].append(self._seconds_to_write(killed))
        if machine:
            self._cluster.start(primary)

    def _seconds_to_write(self, killed: float) -> float:
        """Raises Broken."""
        unwell = False
        while time.monotonic() - killed < PATIENCE_SECONDS and not self.totals.faults:
            with suppress(httpx2.HTTPError):
                well = self._started.get("/health").status_code == 200
                if unwell and well:
                    self.totals.healthy.append(time.monotonic() - killed)
                unwell = not well
            ended = [end for began, end in (each.began_and_ended for each in self._writers) if began > killed]
            if ended and not unwell:
                return min(ended) - killed
            time.sleep(0.02)
        raise Broken(f"nothing was written in {PATIENCE_SECONDS:.0f} s: {self.totals.faults}")

    def _count(self) -> Totals:
        """What is there, beside what was acknowledged before it was looked at."""
        acknowledged = Counter(dict(self.totals.acknowledged.copy()))
        found: Counter[str] = Counter()
        user = Client(self._started.address, self._user)
        user.patient(PATIENCE_SECONDS)
        for writer in self._writers:
            found.update(each["body"] for each in user.pages(f"stories/{writer.story}/comments"))
        if self._stop.is_set():
            self.totals.found = found
            return self.totals
        return Totals(acknowledged=acknowledged, found=found)


def run(strikes: int, seed: int, *, synchronous: bool = True) -> Totals:
    """Raises Broken, NotSettled, NotInstalled."""
    with tempfile.TemporaryDirectory(prefix="loopctl-failover-", ignore_cleanup_errors=True) as parent:
        folder = Path(parent)
        folder.chmod(0o711)
        cluster = FailoverCluster(folder / "cluster", synchronous=synchronous)
        keys = {name: generate_key() for name in ("LOOPCTL_KEKS", "LOOPCTL_PEPPERS")}
        environment = {**SETTINGS, **keys, "LOOPCTL_DATABASE_URL": cluster.url, **(REPLICATED if synchronous else {})}
        with cluster.running(), up(folder / "data", environment=environment) as started:
            started.wait_until_healthy()
            failovers = Failovers(cluster, started, seed)
            failovers.run(strikes, until_lost=not synchronous)
            if synchronous:
                failovers.check_log()
            return failovers.totals


def report(totals: Totals, seed: int, control: Totals) -> dict[str, Any]:
    """One line of the bar."""
    strikes = sum(map(len, totals.writing.values()))
    return {
        "bar": "failover", "n": strikes, "failures": totals.lost + totals.doubled + totals.unasked + len(totals.faults),
        "acknowledged": len(totals.acknowledged), "lost": totals.lost, "doubled": totals.doubled,
        "log": "fsck and export verify",
        **{f"writes_again_after_{what}": _percentiles(each) for what, each in totals.writing.items()},
        "healthy_again": _percentiles(totals.healthy), "seed": seed, "writers": WRITERS,
        "control": {
            "what": "asynchronous replication", "n": sum(map(len, control.writing.values())), "lost": control.lost,
            "red": control.lost > 0,
        },
        "faults": totals.faults[:3],
    }  # fmt: skip


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {}
    ordered = sorted(seconds)
    at = min(len(ordered) - 1, round(0.99 * len(ordered)))
    return {
        "n": len(ordered),
        "p50_seconds": round(statistics.median(ordered), 2),
        "p99_seconds": round(ordered[at], 2),
    }


def main(arguments: list[str]) -> int:
    strikes = int(arguments[0]) if arguments else 50
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    try:
        totals = run(strikes, seed)
        print(json.dumps(report(totals, seed, Totals())), file=sys.stderr, flush=True)  # in case the control fails
        control = run(CONTROL_STRIKES, seed, synchronous=False)
    except (Broken, Failed, NotSettled, NotInstalled) as error:
        print(f"seed {seed}: {type(error).__name__}: {error}")
        return 1
    said = report(totals, seed, control)
    print(json.dumps(said))
    return 1 if said["failures"] or not control.lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
