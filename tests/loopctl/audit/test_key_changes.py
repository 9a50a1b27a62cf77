"""From one vkey through all rotations to the newest head, and what a stolen key cannot do (spec 05, R12)."""

from functools import cache

import pytest
from msgspec import structs
from msgspec.structs import replace

from loopctl.audit import report as reports
from loopctl.audit.keys_file import KeyRecord, LogKeys
from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.checkpoint import make_checkpoint
from loopctl.tlog.entry import Entry
from loopctl.tlog.spelling import base64_text
from tests.loopctl.audit.bundles import NO_EPOCHS, NO_ROOTS, NO_ROTATIONS, NO_SIGNATURES, fault, files, judge, with_keys
from tests.support.sample_log import (
    CLOCK,
    LOG_SIGNERS,
    NOON,
    ORIGIN,
    THIEF,
    WITNESS,
    Plan,
    SampleLog,
    make_log,
    rechained,
    sign,
    signed,
)

FIRST, SECOND, THIRD, FOURTH = (signer.key for signer in LOG_SIGNERS[:4])
PLAN = Plan(size=600, heads=(50, 256, 400, 450, 580), boundaries=(120, 300, 512), overlap=50, witnessed=(300, 600))
LOG = make_log(PLAN)
BUNDLE = files(LOG)


@cache
def long_log() -> SampleLog:
    return make_log(Plan(size=10_000, heads=range(500, 10_000, 500), boundaries=(2_000, 5_000, 9_000), overlap=600))


def by_eve(entry: Entry) -> Entry:
    return replace(entry, actor=("agent:eve",))


def test_the_first_vkey_alone_leads_through_three_rotations() -> None:
    report = judge(files(long_log()), FIRST)
    assert report.verdict == "good"
    assert (report.trusted.by, report.trusted.log_keys) == ("vkey", 1)
    assert [rotation.boundary for rotation in report.rotations] == [2_000, 5_000, 9_000]
    assert [rotation.new_vkey for rotation in report.rotations] == [key.text() for key in (SECOND, THIRD, FOURTH)]
    assert (report.checked.heads, report.checked.log_keys) == (20, 4)


@pytest.mark.parametrize("number", range(4))
def test_any_key_that_the_log_has_had_will_do(number: int) -> None:
    assert judge(BUNDLE, LOG_SIGNERS[number].key).verdict == "good"


def test_a_key_that_the_log_never_had_is_found() -> None:
    found = fault(judge(BUNDLE, THIEF.key))
    assert (found.check, found.code) == ("keys", "key_unknown")
    assert judge(BUNDLE).verdict == "good"


def test_without_a_key_the_report_says_that_the_bundle_was_believed() -> None:
    report = judge(BUNDLE)
    assert report.trusted.by == "bundle"
    assert "taken from the bundle itself" in reports.text(report)
    assert "taken from the bundle itself" not in reports.text(judge(BUNDLE, FIRST))


def test_a_tail_resigned_with_a_stolen_retired_key_is_found() -> None:
    """The thief has the third key and writes his own entries after the third rotation."""
    stolen = rechained(make_log(replace(PLAN, changes={585: by_eve})), 586)
    newest = stolen.signed(600, [LOG_SIGNERS[2]], CLOCK)
    bundle = files(replace(stolen, notes={**stolen.notes, 600: newest}, newest_note=newest))
    found = fault(judge(bundle, FIRST))
    assert (found.check, found.code, found.place) == ("heads", "key_retired", "checkpoints/600, note")
    assert judge(bundle, FIRST, checks=NO_EPOCHS).verdict == "good"


def test_more_time_claimed_for_a_stolen_key_is_not_believed() -> None:
    newest = LOG.signed(600, [LOG_SIGNERS[2]], CLOCK)
    bundle = files(replace(LOG, notes={**LOG.notes, 600: newest}, newest_note=newest))
    assert fault(judge(with_keys(bundle, with_record(2, last_size=10_000)))).code == "key_retired"


def test_a_line_by_a_retired_key_beside_a_good_one_is_noticed() -> None:
    notes = {**LOG.notes, 580: LOG.signed(580, [LOG_SIGNERS[1], LOG_SIGNERS[3]], CLOCK)}
    report = judge(files(replace(LOG, notes=notes)), FIRST)
    assert report.verdict == "good"
    assert [notice for notice in report.notices if SECOND.key_id.hex() in notice]
    assert judge(BUNDLE, FIRST).notices == ()


def test_a_forged_small_head_by_a_stolen_key_is_no_prefix() -> None:
    forged = signed(make_checkpoint(ORIGIN, 50, bytes(32)), LOG_SIGNERS[:1], CLOCK)
    bundle = {**BUNDLE, "checkpoints/50": forged}
    found = fault(judge(bundle, FIRST))
    assert (found.code, found.place) == ("root_differs", "checkpoints/50")
    assert judge(bundle, FIRST, checks=NO_ROOTS).verdict == "good"


def test_a_fork_from_before_the_rotations_is_found_by_a_later_key_or_a_kept_head() -> None:
    """Whoever has stolen the first key can tell everything since anew, so that this key alone proves nothing: the
    control, and the reason for --not-older-than."""
    plan = replace(PLAN, boundaries=(), changes={110: by_eve})
    fork = files(sign(rechained(make_log(plan), 111), plan))
    assert judge(fork, FIRST).verdict == "good"
    assert fault(judge(fork, FIRST, FOURTH)).code == "key_unknown"
    kept = LOG.signed(200, LOG_SIGNERS[:1], CLOCK)
    assert fault(judge(fork, FIRST, older=kept)).code == "heads_differ"


def test_a_head_by_a_key_from_nowhere_is_found() -> None:
    found = fault(judge({**BUNDLE, "checkpoints/400": LOG.signed(400, [THIEF], CLOCK)}))
    assert (found.code, found.place) == ("signature_unknown", "checkpoints/400, signature line 1")


def test_a_signature_of_another_head_is_found() -> None:
    lines = LOG.notes[400].split(b"\n")
    lines[4] = LOG.notes[450].split(b"\n")[4]
    bundle = {**BUNDLE, "checkpoints/400": b"\n".join(lines)}
    found = fault(judge(bundle))
    assert (found.code, found.place) == ("signature_invalid", "checkpoints/400, signature line 1")
    assert judge(bundle, checks=NO_SIGNATURES).verdict == "good"


def test_a_rotation_that_the_old_key_has_not_signed_is_found() -> None:
    def without_the_old_key(entry: Entry) -> Entry:
        value = entry.value()
        signatures = {"new": value["signatures"]["new"], "old": base64_text(THIEF.sign_rotation(b""))}  # type: ignore[index]  # decoded JSON
        return replace(entry, data=canonical_json({**value, "signatures": signatures}))

    bundle = files(make_log(replace(PLAN, changes={119: without_the_old_key})))
    found = fault(judge(bundle))
    assert (found.check, found.place) == ("rotations", "entry 119, signature of the old key")
    assert judge(bundle, checks=NO_ROTATIONS).verdict == "good"


@pytest.mark.parametrize(
    ("signers", "code", "place"),
    [
        (LOG_SIGNERS[:1], "signature_missing", "checkpoints/120, note"),
        (LOG_SIGNERS[1:2], "signature_missing", "checkpoints/120, note"),
    ],
)
def test_the_head_of_a_rotation_is_signed_by_both_keys(signers: list[object], code: str, place: str) -> None:
    boundary = LOG.signed(120, signers, CLOCK)  # type: ignore[arg-type]  # pytest's parameters
    found = fault(judge({**BUNDLE, "checkpoints/120": boundary}))
    assert (found.code, found.place) == (code, place)


def test_the_head_of_a_rotation_is_in_the_bundle() -> None:
    found = fault(judge({name: data for name, data in BUNDLE.items() if name != "checkpoints/120"}))
    assert (found.check, found.code, found.place) == ("rotations", "member_missing", "checkpoints/120")


@pytest.mark.parametrize("change", [{"first_size": 121}, {"reason": "compromise"}, {"vkey": THIEF.key.text()}])
def test_keys_that_tell_another_story_than_the_log_are_found(change: dict[str, object]) -> None:
    found = fault(judge(with_keys(BUNDLE, with_record(1, **change))))
    assert (found.check, found.code, found.place) == ("keys", "keys_differ", "keys.json")


def test_a_rotation_that_keys_json_does_not_tell_of_is_found() -> None:
    records = list(with_record(2, last_size=None).keys)
    found = fault(judge(with_keys(BUNDLE, replace(LOG.known, keys=tuple(records[:3] + records[4:])))))
    assert (found.code, found.place) == ("keys_differ", "keys.json")


def test_a_key_that_no_rotation_has_brought_is_found() -> None:
    records = list(with_record(3, last_size=590).keys)
    more = KeyRecord(vkey=LOG_SIGNERS[4].key.text(), purpose="log", first_size=585, created_at=NOON, reason="scheduled")
    found = fault(judge(with_keys(BUNDLE, replace(LOG.known, keys=(*records, more)))))
    assert (found.code, found.place) == ("keys_differ", "keys.json, log key 5")


def test_a_witness_that_was_given_has_to_have_signed_the_newest_head() -> None:
    assert judge(BUNDLE, FIRST, WITNESS.key).verdict == "good"
    found = fault(judge(files(make_log(replace(PLAN, witnessed=(300,)))), FIRST, WITNESS.key))
    assert (found.check, found.code) == ("heads", "cosignatures_missing")


def test_after_a_compromise_the_report_says_who_else_saw_the_head() -> None:
    log = make_log(Plan(size=300, boundaries=(200,), reason="compromise", witnessed=(200, 300)))
    said = reports.text(judge(files(log), FIRST, WITNESS.key))
    assert "the old key was in other hands: what is older rests on the 1 given witnesses" in said


def with_record(number: int, **changes: object) -> LogKeys:
    records = list(LOG.known.keys)
    records[number] = structs.replace(records[number], **changes)
    return replace(LOG.known, keys=tuple(records))
