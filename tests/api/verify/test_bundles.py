"""The browser judges bundles as `loopctl log verify` does: the same verdict, the same code, the same place."""

import random
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from bench.log_flips import PLAN
from loopctl.audit.expected import Expected, keep
from loopctl.audit.export import write_bundle
from loopctl.tlog.signer import Cosigner
from loopctl.tlog.vkey import VerifierKey
from tests.api.verify.browsing import judged, open_page, packed, run, text, verdict
from tests.loopctl.audit.bundles import Files, files, with_entries
from tests.support.browser import Page
from tests.support.sample_log import (
    CLOCK,
    LOG_SIGNERS,
    THIEF,
    WITNESS,
    Plan,
    make_log,
    private_key,
    rechained,
    sign,
    signed,
)

pytestmark = [pytest.mark.slow, pytest.mark.browser]

FLIPS = 100
AT_ONCE = 10

FLIPPED = """
  const answers = [];
  const data = unpacked(given.bundle);
  const checks = { ...verify.ALL, ...%s };
  for (const bit of given.bits) {
    data[bit >> 3] ^= 1 << (bit & 7);
    answers.push(await judge(data, {}, checks));
    data[bit >> 3] ^= 1 << (bit & 7);
  }
  return answers;
"""
JUDGED = """
  const kept = given.kept && unpacked(given.kept);
  return judge(unpacked(given.bundle), { vkeys: given.vkeys, kept, form: given.form ?? false });
"""

NOBODY = Cosigner("nobody.example/n", private_key("nobody"))
LOG = make_log(PLAN)
BUNDLE = files(LOG)
FORGED = make_log(replace(PLAN, changes={200: lambda entry: replace(entry, ts="2026-11-21T12:00:01.000000Z")}))
LATER = make_log(replace(PLAN, size=601))
LAST = "tile/entries/002.p/88"


def swapped(entries: list[bytes]) -> list[bytes]:
    return [*entries[:7], entries[8], entries[7], *entries[9:]]


FORGERIES: Mapping[str, Files] = {
    "two entries swapped": with_entries(BUNDLE, 1, swapped),
    "an entry dropped": with_entries(BUNDLE, 1, lambda entries: [*entries[:7], *entries[8:]]),
    "an entry twice": with_entries(BUNDLE, 0, lambda entries: [*entries[:8], entries[7], *entries[8:]]),
    "a tail told anew and not signed": files(
        replace(rechained(FORGED, 201), notes=LOG.notes, newest_note=LOG.newest_note)
    ),
    "a head signed by a stranger": {**BUNDLE, "checkpoint": signed(LOG.head(600), [THIEF], CLOCK)},
    "a head signed by a key that has ended": {**BUNDLE, "checkpoint": signed(LOG.head(600), LOG_SIGNERS[:1], CLOCK)},
    "a head with a line of nobody's": {**BUNDLE, "checkpoint": signed(LOG.head(600), LOG_SIGNERS[3:4], NOBODY)},
    "without the head of a rotation": {name: data for name, data in BUNDLE.items() if name != "checkpoints/300"},
    "without its last entries": {name: data for name, data in BUNDLE.items() if name not in (LAST, "tile/0/002.p/88")},
    "with the tiles of another size": {**BUNDLE, "tile/1/000.p/1": BUNDLE["tile/1/000.p/2"][:32]},
    "with the newest head of a longer log": {**BUNDLE, "checkpoint": LATER.newest_note},
    "an erasure of nothing": files(make_log(replace(PLAN, erased=((41, 4),)))),
    "keys in another order": {**BUNDLE, "keys.json": BUNDLE["keys.json"].replace(b"scheduled", b"compromise", 1)},
    "nothing but keys": {"keys.json": BUNDLE["keys.json"]},
}


@pytest.fixture(scope="module")
async def page() -> AsyncIterator[Page]:
    async with open_page() as (opened, _):
        yield opened


async def in_browser(page: Page, bundle: bytes, **given: Any) -> dict[str, Any]:
    report: dict[str, Any] = await run(page, JUDGED, {"bundle": text(bundle), "vkeys": [], "kept": None, **given})
    return report


async def test_a_good_bundle_is_reported_in_every_member_as_by_python(page: Page) -> None:
    """600 entries, three rotations, erased payloads, cosigned heads."""
    archive = packed(BUNDLE)
    keys = (LOG_SIGNERS[0].key, LOG_SIGNERS[2].key, WITNESS.key)
    ours = judged(archive, Expected(keys, keep(LOG.notes[400]), form=True))
    found = await in_browser(page, archive, vkeys=names(keys), kept=text(LOG.notes[400]), form=True)
    assert found == ours
    assert found["verdict"] == "good"
    without = judged(archive)
    without["trusted"]["statement"] = (found := await in_browser(page, archive))["trusted"]["statement"]
    assert found == without


async def test_each_of_100_changed_bits_is_found_and_located_as_by_python(page: Page) -> None:
    archive = packed(BUNDLE)
    dice = random.Random(20_261_129)
    bits = [dice.randrange(8 * len(archive)) for _ in range(FLIPS)]
    expected = [verdict(judged(flipped(archive, bit))) for bit in bits]
    found = await flips(page, archive, bits)
    assert found == expected
    assert "good" not in {each[0] for each in found}


@pytest.mark.parametrize(
    ("left_out", "name"),
    [
        ("{ tile: () => {} }", "tile/1/000.p/2"),
        ("{ heads: { ...verify.ALL.heads, open: async (raw) => (await import('/verify/log/note.js')).parseNote(raw) && "
         "({ cosignatures: [], unchecked: [] }) } }", "checkpoint"),
    ],
)  # fmt: skip
async def test_changed_bits_are_not_found_by_a_verifier_that_does_not_look_at_them(
    page: Page, left_out: str, name: str
) -> None:
    """The control: of the same bits, those in what it does not look at are good to it."""
    archive = packed(BUNDLE)
    start = archive.rindex(BUNDLE[name])
    bits = [8 * (start + len(BUNDLE[name]) - 20 + place) for place in range(0, 12, 3)]
    assert {each[0] for each in await flips(page, archive, bits)} == {"bad"}
    assert "good" in {each[0] for each in await flips(page, archive, bits, left_out)}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forgery_is_judged_as_by_python(page: Page, name: str) -> None:
    archive = packed(FORGERIES[name])
    ours = judged(archive)
    assert verdict(await in_browser(page, archive)) == verdict(ours)
    assert ours["verdict"] == "bad", "the forger was noticed at all"


@pytest.mark.parametrize(
    ("keys", "kept", "code"),
    [
        ((THIEF.key,), None, "key_unknown"),
        ((LOG_SIGNERS[3].key,), None, None),
        ((LOG_SIGNERS[4].key,), None, "key_unknown"),
        ((WITNESS.key,), None, None),
        ((), LATER.notes[601], "stale"),
        ((), FORGED.notes[400], "heads_differ"),
        ((), LOG.notes[257], None),
    ],
)
async def test_what_the_auditor_knows_is_held_against_the_bundle_as_by_python(
    page: Page, keys: tuple[VerifierKey, ...], kept: bytes | None, code: str | None
) -> None:
    archive = packed(BUNDLE)
    ours = judged(archive, Expected(keys, None if kept is None else keep(kept)))
    found = await in_browser(page, archive, vkeys=names(keys), kept=kept and text(kept))
    assert verdict(found) == verdict(ours)
    assert verdict(found)[2] == code


@pytest.mark.parametrize(
    "change",
    [
        lambda archive: archive[:-1],
        lambda archive: archive + bytes(512),
        lambda archive: archive[: len(archive) // 2],
        lambda archive: b"\x1f\x8b" + archive,
        lambda _: b"",
        lambda _: b"<html>" * 1000,
    ],
)
async def test_what_is_no_bundle_is_unreadable_as_to_python(page: Page, change: Callable[[bytes], bytes]) -> None:
    archive = change(packed(BUNDLE))
    assert (await in_browser(page, archive))["verdict"] == "unreadable"


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257])
async def test_bundles_of_every_shape_are_good(page: Page, size: int) -> None:
    log = sign(make_log(Plan(size=size)), Plan(size=size))
    archive = packed(dict(write_bundle(log)))
    found, ours = await in_browser(page, archive), judged(archive)
    assert (found["root"], found["checked"]) == (ours["root"], ours["checked"])
    assert (found["verdict"], found["size"]) == ("good", size)


async def flips(page: Page, archive: bytes, bits: list[int], left_out: str = "{}") -> list[tuple[str | None, ...]]:
    found: list[tuple[str | None, ...]] = []
    for start in range(0, len(bits), AT_ONCE):
        given = {"bundle": text(archive), "bits": bits[start : start + AT_ONCE]}
        found += [verdict(each) for each in await run(page, FLIPPED % left_out, given)]
    return found


def flipped(archive: bytes, bit: int) -> bytes:
    changed = bytearray(archive)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def names(keys: tuple[VerifierKey, ...]) -> list[str]:
    return [key.text() for key in keys]
