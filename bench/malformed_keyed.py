"""Malformed requests of callers who may come in: none may be answered with 5xx, hang, or get another shape of answer.

make soak ARGS="malformed_keyed 100000 [seed]"
"""

import asyncio
import random
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from bench import growing
from bench.keyed import Serving
from bench.malformed import Report, keyed_campaign, show
from migrations.roles import bootstrap
from migrations.runner import migrate
from tests.support.cluster import own_postgres
from tests.support.database import PASSWORDS, TestDatabase, created_database
from tests.support.guarded import guarded


@asynccontextmanager
async def migrated(admin_url: str) -> AsyncIterator[TestDatabase]:
    async with created_database(admin_url) as made:
        await bootstrap(made.admin_url, PASSWORDS)
        await migrate(made.migrator_url)
        yield made


@contextmanager
def serving(database: TestDatabase, errors: Path) -> Iterator[Serving]:
    """bench.keyed in a process of its own; ``errors`` is where it logs them."""
    command = [sys.executable, "-m", "bench.keyed", database.admin_url, database.app_url]
    with (
        errors.open("wb") as log,
        guarded(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)) as process,
    ):
        try:
            assert process.stdout is not None
            yield msgspec.json.decode(process.stdout.readline(), type=Serving)
        finally:
            process.terminate()
            process.wait(timeout=30)


async def soak(admin_url: str, count: int, seed: int, errors: Path) -> tuple[Report, growing.Report, growing.Report]:
    async with migrated(admin_url) as database:
        with serving(database, errors) as served:
            report = await keyed_campaign(served, count, seed)
            ordinary = await growing.ordinary(served.port, seed, growing.ordinary_doors(served))
            return report, ordinary, await growing.campaign(served.port, seed, doors=growing.import_doors(served))


def main(arguments: Sequence[str]) -> int:
    count = int(arguments[0]) if arguments else 100_000
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**32)
    with tempfile.TemporaryDirectory(prefix="loopctl-malformed-") as folder, own_postgres(Path(folder)) as url:
        errors = Path(folder) / "errors"
        report, ordinary, grown = asyncio.run(soak(url, count, seed, errors))
        show("with keys", report)
        growing.show_ordinary(ordinary)
        growing.show(grown)
        green = report.green and ordinary.green and grown.green
        if not green:
            print(errors.read_text("utf-8")[-4000:])
    return 0 if green else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
