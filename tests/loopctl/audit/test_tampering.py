"""Entries moved, dropped, doubled or replaced, by somebody with and without the log's key; each with its control."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.entry import Entry
from loopctl.tlog.hashing import leaf_hash
from loopctl.tlog.spelling import base64_text
from tests.loopctl.audit.bundles import (
    NO_CHAIN,
    NO_DIGESTS,
    NO_ENTRIES,
    NO_LINKS,
    NO_PAYLOADS,
    NO_ROOTS,
    NO_TILES,
    fault,
    files,
    judge,
    with_entries,
)
from tests.support.sample_log import Plan, SampleLog, make_entries, make_log, rechained, sign

PLAN = Plan(size=600, heads=(100, 256, 400, 599), committed=range(3, 600, 9), erased=((40, 3), (400, 21)))
LOG = make_log(PLAN)
BUNDLE = files(LOG)

Rearranged = Callable[[list[bytes]], list[bytes]]


def swapped(entries: list[bytes]) -> list[bytes]:
    return [*entries[:50], entries[51], entries[50], *entries[52:]]


def doubled(entries: list[bytes]) -> list[bytes]:
    return [*entries[:51], *entries[50:-1]]


def dropped(entries: list[bytes]) -> list[bytes]:
    return [*entries[:50], *entries[51:]]


def test_an_honest_log_is_good() -> None:
    report = judge(BUNDLE, form=True)
    assert (report.verdict, report.size, report.fault) == ("good", 600, None)
    assert (report.checked.heads, report.checked.entities) == (5, 8)
    assert (report.checked.payloads, report.checked.payloads_erased, report.erased) == (67, 2, (3, 21))


@pytest.mark.parametrize(("change", "position"), [(swapped, 306), (doubled, 307)])
def test_entries_moved_in_their_file_are_located(change: Rearranged, position: int) -> None:
    changed = with_entries(BUNDLE, 1, change)
    assert fault(judge(changed)).place == f"entry {position}"
    assert judge(changed, checks=NO_ENTRIES).verdict == "good"


def test_an_entry_dropped_from_its_file_is_located() -> None:
    found = fault(judge(with_entries(BUNDLE, 1, dropped)))
    assert (found.check, found.place) == ("entries", "entry 306")


@pytest.mark.parametrize(("change", "position"), [(swapped, 50), (doubled, 51), (dropped, 50)])
def test_entries_moved_by_whoever_has_the_key_break_the_chain(change: Rearranged, position: int) -> None:
    """Tiles, roots and signatures are right; what is wrong is only what the entries say of their places."""
    raw = change(LOG.raw)
    changed = files(resigned(raw))
    found = fault(judge(changed))
    assert (found.check, found.code, found.place) == ("entries", "entry_position", f"entry {position}")
    assert judge(changed, checks=replace(NO_CHAIN, payloads=NO_PAYLOADS.payloads)).verdict == "good"


def test_an_entry_changed_by_whoever_has_the_key_breaks_the_chain() -> None:
    raw = list(LOG.raw)
    raw[306] = raw[306].replace(b"agent:ann", b"agent:bob")
    changed = files(resigned(raw))
    found = fault(judge(changed))
    assert (found.code, found.place) == ("entry_link", "entry 307")
    assert judge(changed, checks=NO_CHAIN).verdict == "good"


def test_a_rechained_tail_is_not_what_was_signed() -> None:
    """Entries, leaf hashes and tiles fit together; only the signed root knows better."""
    forged, _ = make_entries(replace(PLAN, changes={500: renamed}))
    changed = files(rechained(replace(LOG, raw=forged), 500))
    found = fault(judge(changed))
    assert (found.check, found.code, found.place) == ("heads", "root_differs", "checkpoints/599")
    assert "from 400 to 598" in found.problem
    assert judge(changed, checks=NO_ROOTS).verdict == "good"


def test_a_changed_upper_tile_is_located() -> None:
    changed = {**BUNDLE, "tile/1/000.p/2": BUNDLE["tile/1/000.p/2"][:32] + bytes(32)}
    found = fault(judge(changed))
    assert (found.check, found.place) == ("tiles", "tile/1/000.p/2, hash 1")
    assert judge(changed, checks=NO_TILES).verdict == "good"


@pytest.mark.parametrize("name", ["tile/0/001", "tile/1/000.p/2"])
def test_a_tile_of_the_wrong_length_is_located(name: str) -> None:
    found = fault(judge({**BUNDLE, name: BUNDLE[name][:-1]}))
    assert (found.code, found.place) == ("tile_malformed", name)


@pytest.mark.parametrize("kept", [599, 561, 513])
def test_a_truncated_tail_is_located(kept: int) -> None:
    """The newest head is genuine, and says how long the log was."""
    heads = {size: note for size, note in LOG.notes.items() if size <= kept}
    cut = replace(LOG, raw=LOG.raw[:kept], hashes=LOG.hashes[:kept], notes=heads)
    found = fault(judge(files(cut)))
    assert (found.code, found.place) == ("entry_missing", f"entry {kept}")


def test_a_stale_export_is_found_by_a_head_that_was_kept() -> None:
    """Nothing in it is wrong, so that without the kept head it is good: the control."""
    stale = files(sign(replace(LOG, raw=LOG.raw[:400], hashes=LOG.hashes[:400]), replace(PLAN, heads=(100, 256))))
    assert judge(stale).verdict == "good"
    assert judge(stale, older=LOG.notes[256]).verdict == "good"
    found = fault(judge(stale, older=LOG.notes[599]))
    assert (found.check, found.code) == ("freshness", "stale")


def test_a_fork_is_found_by_a_head_that_was_kept() -> None:
    other = make_log(replace(PLAN, changes={300: renamed}))
    assert judge(files(other)).verdict == "good"
    assert judge(files(other), older=LOG.notes[256]).verdict == "good"
    found = fault(judge(files(other), older=LOG.notes[400]))
    assert (found.check, found.code) == ("freshness", "heads_differ")


def test_a_kept_head_of_any_size_is_compared() -> None:
    for size in (0, 1, 255, 256, 257, 512, 600):
        assert judge(BUNDLE, older=LOG.signed(size, PLAN.signers(size))).verdict == "good"


def test_a_kept_head_that_the_log_did_not_sign_counts_for_nothing() -> None:
    thief = make_log(Plan(size=5)).newest().replace(b"5\n", b"4\n", 1)
    assert fault(judge(BUNDLE, older=thief)).check == "freshness"


def test_entries_after_the_newest_head_are_signed_by_nobody() -> None:
    found = fault(judge(files(replace(LOG, newest_note=LOG.notes[599], notes={599: LOG.notes[599]}))))
    assert (found.code, found.place) == ("entry_unsigned", "entry 599")


def test_a_gap_in_the_history_of_an_entity_is_located() -> None:
    """What a server does that leaves out an event when it is asked for the events of one story."""
    hidden = make_log(replace(PLAN, changes={307: lambda entry: replace(entry, eseq=entry.eseq - 1, eprev=293)}))
    found = fault(judge(files(hidden)))
    assert (found.check, found.code, found.place) == ("entities", "entity_link", "entry 307")
    assert judge(files(hidden), checks=NO_LINKS).verdict == "good"


@pytest.mark.parametrize(
    "data",
    [
        {"reason": "asked for", "seq": 4},  # has its data in the log
        {"reason": "asked for", "seq": 3},  # is erased already
        {"reason": "asked for", "seq": 399},  # comes later
        {"reason": "asked for", "seq": -1},
        {"reason": "asked for"},
        {"seq": 12},
    ],
)
def test_an_erasure_of_nothing_is_located(data: dict[str, object]) -> None:
    lying = make_log(replace(PLAN, changes={200: recorded("payload.erased", data)}))
    found = fault(judge(files(lying)))
    assert (found.check, found.place) == ("payloads", "entry 200")
    assert judge(files(lying), checks=NO_PAYLOADS).verdict == "good"


TABLE: dict[str, object] = {"table": "app.story", "columns": ["title"], "rows": 1, "digest": "0" * 64}


def test_digests_of_read_models_are_counted() -> None:
    said = make_log(replace(PLAN, changes={200: recorded("projection.digested", {"size": 200, "tables": [TABLE]})}))
    assert judge(files(said)).checked.digests == 1


@pytest.mark.parametrize(
    "data",
    [
        {"size": 201, "tables": [TABLE]},  # of what comes after it
        {"size": -1, "tables": [TABLE]},
        {"tables": [TABLE]},
        {"size": 200, "tables": [{**TABLE, "digest": "0" * 63}]},
        {"size": 200, "tables": [{**TABLE, "columns": []}]},
    ],
)
def test_a_digest_that_nobody_could_compare_is_located(data: dict[str, object]) -> None:
    lying = make_log(replace(PLAN, changes={200: recorded("projection.digested", data)}))
    found = fault(judge(files(lying)))
    assert (found.check, found.code, found.place) == ("digests", "digest_malformed", "entry 200")
    assert judge(files(lying), checks=NO_DIGESTS).verdict == "good"


@pytest.mark.parametrize("raw", [b'{"v":1,"seq":%d,"prev":"%b",', b'{"v":1,"seq":%d,"prev":"%b","type":7}'])
def test_what_is_no_entry_is_located(raw: bytes) -> None:
    entries = list(LOG.raw)
    entries[300] = raw % (300, base64_text(LOG.hashes[299]).encode())
    found = fault(judge(files(resigned(rechained(replace(LOG, raw=entries), 301).raw))))
    assert (found.code, found.place) == ("entry_malformed", "entry 300")


def test_a_second_spelling_of_an_entry_is_found_when_asked_for() -> None:
    """Readers that take the first of two equal keys and readers that take the last would see two histories."""
    entries = list(LOG.raw)
    entries[301] = entries[301].replace(b'"data":{', b'"data":{"agent_id":"bob",')
    spelt = files(resigned(rechained(replace(LOG, raw=entries), 302).raw))
    assert judge(spelt).verdict == "good"
    found = fault(judge(spelt, form=True))
    assert (found.check, found.place) == ("entries", "entry 301, JSON")


def renamed(entry: Entry) -> Entry:
    return replace(entry, actor=("agent:bob",))


def recorded(kind: str, data: dict[str, object]) -> Callable[[Entry], Entry]:
    return lambda entry: replace(entry, type=kind, data=canonical_json(data))


def resigned(raw: list[bytes]) -> SampleLog:
    """Tiles, heads and signatures over these entries by the log's own key."""
    log = replace(LOG, raw=raw, hashes=[leaf_hash(entry) for entry in raw])
    return sign(log, replace(PLAN, heads=(100, 256, 400)))
