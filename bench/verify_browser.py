"""How fast a browser checks a log: entries per second in headless Chromium, beside `loopctl log verify`.

`python -m bench.verify_browser [entries]`, 100,000 by default; three times each in alternation, median. The browser is
given the file as a person gives it, on the page /verify; once in a secure context, where WebCrypto hashes and checks
signatures, and once as from another machine without TLS, where the page's own arithmetic does. Seconds are of the clock
on the wall for all, reading the file included.

Then 100 single bits changed in an export of 600 entries: how many the browser finds, and how many at the place where
Python does; and the 196 vectors of proofs that are not ours, in both contexts.
"""

import asyncio
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from bench.log_verify import Size, made_bundle
from loopctl.audit.archive import ArchiveSource, tar_blocks
from loopctl.audit.expected import Expected
from loopctl.audit.verify import verify
from tests.api.verify.browsing import PLAIN, SECURE, judged, open_page, packed, run, verdict
from tests.api.verify.test_bundles import BUNDLE, FLIPS, flipped, flips
from tests.api.verify.test_page import SHOWN, VERDICT, choose, press
from tests.api.verify.test_vectors import OTHER_PROOFS
from tests.loopctl.tlog.test_proof import OTHERS, TWELVE_BYTES
from tests.support.browser import Page

REPETITIONS = 3
LONGEST_SECONDS = 600.0


async def measure(entries: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "log.tar"
        with archive.open("wb") as file:
            file.writelines(tar_blocks(made_bundle(Size(entries, 25, 1000))))
        async with open_page() as (page, port):
            subjects: dict[str, Callable[[], Awaitable[float]]] = {
                "Python": partial(_in_python, archive),
                "Chromium, WebCrypto": partial(_in_browser, page, f"http://{SECURE}:{port}/verify", archive),
                "Chromium, plain HTTP": partial(_in_browser, page, f"http://{PLAIN}:{port}/verify", archive),
            }
            seconds: dict[str, list[float]] = {name: [] for name in subjects}
            for _ in range(REPETITIONS):
                for name, subject in subjects.items():
                    seconds[name].append(await subject())
        await _faults()
    size = f"{archive.name} of {entries:,} entries, a head each 1,000"
    print(f"{size}; median of {REPETITIONS}, best in brackets")
    for name, each in seconds.items():
        print(f"  {name:22} {entries / statistics.median(each):10,.0f} ({entries / min(each):,.0f}) entries/s")


async def _faults() -> None:
    """Raises AssertionError for a change that is not found, and for a vector that is judged otherwise."""
    archive, dice = packed(BUNDLE), random.Random(time.time_ns())
    bits = [dice.randrange(8 * len(archive)) for _ in range(FLIPS)]
    async with open_page() as (page, port):
        found = await flips(page, archive, bits)
        expected = [verdict(judged(flipped(archive, bit))) for bit in bits]
        print(f"{sum(each[0] != 'good' for each in found)} of {FLIPS} changed bits found, "
              f"{sum(ours == theirs for ours, theirs in zip(expected, found, strict=True))} as by Python")  # fmt: skip
        assert found == expected
        assert "good" not in {each[0] for each in found}
        for host in (SECURE, PLAIN):
            await page.open(f"http://{host}:{port}/verify")
            answers = await run(page, OTHER_PROOFS, OTHERS)
            wrong = [each["name"] for each in OTHERS if (answers[each["name"]] is not None) != each["wantErr"]]
            print(f"{len(OTHERS) - len(wrong)} of {len(OTHERS)} vectors of transparency-dev as printed, at {host}")
            assert wrong == [TWELVE_BYTES], (
                wrong
            )  # the one that is not to be followed: tests/loopctl/tlog/test_proof.py


async def _in_python(archive: Path) -> float:
    started = time.perf_counter()
    report = await asyncio.to_thread(verify, ArchiveSource(archive).members(), Expected())
    assert report.verdict == "good"
    return time.perf_counter() - started


async def _in_browser(page: Page, address: str, archive: Path) -> float:
    """As the page says it: from the start of the check in the worker to its report."""
    await page.open(address)
    await page.wait_for("document.body.dataset.verifier === 'ready'")
    await choose(page, "bundle-file", archive)
    await press(page, "bundle-check")
    assert await page.wait_for(VERDICT % "bundle", LONGEST_SECONDS) == "good"
    said = str(await page.evaluate(SHOWN % "bundle"))
    found = re.search(r" in ([0-9.]+) s", said)
    assert found, said
    return float(found[1])


def main(argv: list[str]) -> int:
    asyncio.run(measure(int(argv[0]) if argv else 100_000))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
