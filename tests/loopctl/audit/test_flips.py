"""Every changed bit is found and located (spec 05, R8). The full campaign is `python -m bench.log_flips`."""

from itertools import islice

import pytest

from bench.log_flips import Export, Flip, FlipFailure, attempt, run, run_newest
from loopctl.audit.receipts import judge_receipt, trust_in
from loopctl.audit.verifier import Checks
from loopctl.tlog.trust import SignedTreeHead, Trust, open_checkpoint
from tests.loopctl.audit.bundles import NO_ENTRIES, NO_SIGNATURES, NO_TILES
from tests.support.sample_log import CLOCK, LOG_SIGNERS, WITNESS, Plan, make_log


def test_every_bit_of_the_newest_head_is_found_and_located() -> None:
    assert run_newest() > 3_000


def test_random_bits_of_everything_else_are_found_and_located() -> None:
    found = run(20_000, seed=7)
    assert sum(found.values()) == 20_000
    assert {"entry_bytes", "leaf_hash", "keys_damaged", "signature_invalid"} <= set(found)


def test_every_bit_of_an_upper_tile_is_found_and_located() -> None:
    export = Export()
    codes = {attempt(export, Flip("tile/1/000.p/2", bit)) for bit in range(8 * 64)}
    assert codes == {"tile_hash"}


@pytest.mark.parametrize(
    ("checks", "name", "code"),
    [
        (NO_TILES, "tile/1/000.p/2", "tile_hash"),
        (NO_SIGNATURES, "checkpoint", "signature_invalid"),
        (NO_ENTRIES, "tile/entries/001", "entry_bytes"),
    ],
)
def test_a_bit_is_not_found_by_a_verifier_that_does_not_look_at_it(checks: Checks, name: str, code: str) -> None:
    """The controls, and that the campaign notices them."""
    export, blind = Export(), Export(checks)
    flips = (Flip(name, bit) for bit in range(0, 8 * len(export.files[name]), 97))
    seen = islice((flip for flip in flips if attempt(export, flip) == code), 20)
    unnoticed = [flip for flip in seen if blind.judge(flip) is None]
    assert unnoticed
    with pytest.raises(FlipFailure, match="was not found"):
        attempt(blind, unnoticed[0])


def test_every_bit_of_a_receipt_is_found() -> None:
    plan = Plan(size=600, heads=(300,), boundaries=(200,), witnessed=(300, 600))
    log = make_log(plan)
    for position, size in ((17, 300), (599, 600), (256, 600)):
        trust = trust_in((LOG_SIGNERS[1].key, CLOCK.key, WITNESS.key), None)
        raw, entry = log.receipt(position, size), log.raw[position]
        assert judge_receipt(raw, entry, trust).verdict == "good"
        changed = (Flip("receipt", bit).of(raw) for bit in range(8 * len(raw)))
        assert {judge_receipt(each, entry, trust).verdict for each in changed} == {"bad"}


def test_every_bit_of_the_entry_of_a_receipt_is_found() -> None:
    log = make_log(Plan(size=10))
    trust = trust_in((LOG_SIGNERS[0].key,), None)
    raw, entry = log.receipt(4, 10), log.raw[4]
    changed = (Flip("entry", bit).of(entry) for bit in range(8 * len(entry)))
    assert {judge_receipt(raw, each, trust).verdict for each in changed} == {"bad"}


def test_a_receipt_check_without_its_path_accepts_another_entry() -> None:
    """The control."""
    log = make_log(Plan(size=10))
    trust = trust_in((LOG_SIGNERS[0].key,), None)

    def without_path(receipt: object, entry: bytes, trust: Trust) -> SignedTreeHead:
        return open_checkpoint(log.notes[10], trust)

    assert judge_receipt(log.receipt(4, 10), log.raw[5], trust).verdict == "bad"
    assert judge_receipt(log.receipt(4, 10), log.raw[5], trust, without_path).verdict == "good"
