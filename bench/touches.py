"""Forty ways in which a touch of a security key can be wrong, each beside the same put right (06, B14), and single
changed bits of what a touch has signed (06, B15).

`make soak ARGS="touches 5 2000 [SEED]"`: rounds of the forty, and bits. In the control nobody looks at what was signed.
"""

import asyncio
import base64
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from api.fresh import guard
from api.webauthn.assertion import Asserted
from bench.custody_controls import replaced
from bench.malformed_keyed import migrated
from bench.table import at_most
from config.logs import configure
from tests.api.logs import Service, service
from tests.api.test_fresh import DAMAGES, USER_KEY, WRONG
from tests.api.touching import Person, person
from tests.support.cluster import own_postgres
from tests.support.database import TestDatabase

FLIPPED = ("authenticator_data", "client_data_json", "signature")
ROUNDS, BITS = 5, 2000


class Report(Struct):
    bad: int = 0
    accepted: int = 0
    good: int = 0
    refused: int = 0
    bits: int = 0
    accepted_bits: int = 0


async def campaign(database: TestDatabase, rounds: int, bits: int, seed: int) -> Report:
    report, chance = Report(), random.Random(seed)
    async with service(database) as served:
        for _ in range(rounds):
            await _forty(await person(served), report)
        await _flips(served, bits, chance, report)
    return report


async def _forty(olga: Person, report: Report) -> None:
    for wrong in WRONG.values():
        answer = await olga.send("POST", "/api_keys", USER_KEY, said=wrong)
        await _beside(olga, answer.status, await olga.touch("POST", "/api_keys", USER_KEY), report)
    for member, value in DAMAGES.values():
        whole = await olga.touch("POST", "/api_keys", USER_KEY)
        answer = await olga.sent("POST", "/api_keys", USER_KEY, {**whole, member: value})
        await _beside(olga, answer.status, whole, report)


async def _beside(olga: Person, status: int, right: Any, report: Report) -> None:
    report.bad += 1
    report.accepted += status < 300
    report.good += 1
    report.refused += (await olga.sent("POST", "/api_keys", USER_KEY, right)).status != 201


async def _flips(served: Service, bits: int, chance: random.Random, report: Report) -> None:
    olga = await person(served)
    whole = await olga.touch("POST", "/api_keys", USER_KEY)
    for _ in range(bits):
        name = chance.choice(FLIPPED)
        raw = bytearray(base64.urlsafe_b64decode(whole[name] + "=="))
        bit = chance.randrange(len(raw) * 8)
        raw[bit // 8] ^= 1 << bit % 8
        text = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
        answer = await olga.sent("POST", "/api_keys", USER_KEY, {**whole, name: text})
        report.bits += 1
        report.accepted_bits += answer.status < 300


@contextmanager
def unchecked() -> Iterator[None]:
    """Whatever a known key is said to have signed counts."""
    with replaced(guard, "check_assertion", lambda *_: Asserted(0, backed_up=False)):
        yield


async def _run(url: str, rounds: int, bits: int, seed: int) -> int:
    async with migrated(url) as database:
        report = await campaign(database, rounds, bits, seed)
        at_most(f"B14: wrong touches accepted, of {report.bad}", report.accepted, 0)
        at_most(f"B14: right touches refused, of {report.good}", report.refused, 0)
        at_most(f"B15: touches with one bit changed accepted, of {report.bits}", report.accepted_bits, 0)
        with unchecked():
            control = await campaign(database, 1, 0, seed)
        red = control.accepted > 0
        print(f"control: {control.accepted} of {control.bad} accepted{', as it must be' if red else ': GREEN'}")
    return 0 if red and not report.accepted + report.refused + report.accepted_bits else 1


def main(arguments: Sequence[str]) -> int:
    configure("bench", "error")
    rounds, bits, seed = (*map(int, arguments), *(ROUNDS, BITS, random.randrange(2**32))[len(arguments) :])
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="loopctl-touches-") as folder, own_postgres(Path(folder)) as url:
        return asyncio.run(_run(url, rounds, bits, seed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
