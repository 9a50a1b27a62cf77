"""Entries: golden bytes, one spelling for each, limits, and nothing accepted that would be written otherwise."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Raw
from msgspec.structs import replace

from loopctl.tlog.canonical import canonical_json
from loopctl.tlog.entry import Entry, decode_entry, decode_head, encode_entry, timestamp
from loopctl.tlog.errors import TlogError
from loopctl.tlog.hashing import NO_LEAF, leaf_hash, payload_commitment
from tests.loopctl.tlog.samples import LEAVES, an_entry, rejects

FIRST = (
    b'{"v":1,"seq":0,"prev":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","ts":"2026-11-21T08:54:27.000000Z",'
    b'"type":"story.claimed","actor":["agent:ann","dispatch:7"],"entity":["story","s-0"],"eseq":0,"eprev":null,'
    b'"salt":"AAAAAAAAAAAAAAAAAAAAAA==","data":{"agent_id":"ann","n":0}}'
)
LATER = (
    b'{"v":1,"seq":4711,"prev":"bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=","ts":"2026-11-21T08:54:27.000000Z",'
    b'"type":"story.claimed","actor":["agent:ann","dispatch:7"],"entity":["story","s-4711"],"eseq":3,"eprev":4000,'
    b'"salt":"AAAAAAAAAAAAAAAAAAASZw==","commit":"lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c="}'
)

TAGS = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
VALUES = st.dictionaries(TEXTS, st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS | st.none(), max_size=5)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    position = draw(st.integers(0, 2**63 - 2))
    eseq = draw(st.integers(0, min(position, 50)))
    return an_entry(
        position,
        draw(st.binary(min_size=32, max_size=32)) if position else NO_LEAF,
        ts=timestamp(draw(st.datetimes(timezones=st.just(UTC)))),
        type=f"{draw(TAGS)}.{draw(TAGS)}",
        actor=tuple(draw(st.lists(TEXTS, min_size=1, max_size=16))),
        entity=(draw(TAGS), draw(TEXTS)),
        eseq=eseq,
        eprev=draw(st.integers(eseq - 1, position - 1)) if eseq else None,
        salt=draw(st.binary(min_size=16, max_size=16)),
        **draw(
            st.builds(lambda value: {"data": canonical_json(value)}, VALUES)
            | st.builds(lambda commit: {"commit": commit, "data": UNSET}, st.binary(min_size=32, max_size=32))
            | st.builds(
                lambda value, commit: {"data": canonical_json(value), "commit": commit},
                VALUES,
                st.binary(min_size=32, max_size=32),
            )
        ),
    )


def test_an_entry_with_data_has_its_golden_bytes() -> None:
    assert encode_entry(an_entry()) == FIRST
    assert decode_entry(FIRST) == an_entry()
    assert decode_entry(FIRST).value() == {"agent_id": "ann", "n": 0}


def test_an_entry_with_a_commitment_has_its_golden_bytes() -> None:
    committed = an_entry(4711, LEAVES[0], eseq=3, eprev=4000, data=UNSET, commit=LEAVES[1])
    assert encode_entry(committed) == LATER
    assert decode_entry(LATER) == committed
    assert decode_entry(LATER).value() == {}


def test_an_entry_has_data_beside_a_commitment_when_only_a_part_of_it_can_be_erased() -> None:
    both = an_entry(commit=LEAVES[1])
    raw = FIRST[:-1] + b',"commit":"lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c="}'
    assert encode_entry(both) == raw
    assert decode_entry(raw) == both
    assert decode_entry(raw).value() == {"agent_id": "ann", "n": 0}


@given(entries())
@settings(deadline=None)
def test_every_entry_is_read_back(entry: Entry) -> None:
    raw = encode_entry(entry)
    assert decode_entry(raw) == entry
    assert encode_entry(decode_entry(raw)) == raw
    assert json.loads(raw)["actor"] == list(entry.actor)
    assert decode_head(raw).entity == entry.entity


@given(entries(), st.data())
@settings(deadline=None)
def test_no_entry_has_a_second_spelling(entry: Entry, data: st.DataObject) -> None:
    """One byte replaced, removed or put in: refused, or another entry with other bytes, never the same one."""
    raw = encode_entry(entry)
    place = data.draw(st.integers(0, len(raw) - 1))
    byte = data.draw(st.sampled_from(b' \t\n0123456789+-.eE"\\/,:[]{}u=AZaz\x00\x7f\xc3\xff'))
    changed = data.draw(
        st.sampled_from([raw[:place] + raw[place + 1 :], raw[:place] + bytes([byte]) + raw[place:]])
        | st.just(raw[:place] + bytes([byte]) + raw[place + 1 :])
    )
    try:
        other = decode_entry(changed)
    except TlogError:
        return
    assert encode_entry(other) == changed
    assert (other == entry) == (changed == raw)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"v":1,', b'{"v":2,'),
        (b'{"v":1,', b"{"),
        (b'{"v":1,', b'{ "v":1,'),
        (b'"seq":0', b'"seq":00'),
        (b'"seq":0', b'"seq":-0'),
        (b'"seq":0', b'"seq":0.0'),
        (b'"seq":0', b'"seq":"0"'),
        (b'"seq":0', b'"seq":null'),
        (b'"seq":0', b'"seq":0,"seq":0'),
        (b'"seq":0', b'"x":1,"seq":0'),
        (b"AAA=", b"AAB="),
        (b'AAA="', b'AAA"'),
        (b'AAA="', b'AAA=="'),
        (b'AAA="', b'AA-="'),
        (b".000000Z", b"Z"),
        (b".000000Z", b".00000Z"),
        (b".000000Z", b".000000+00:00"),
        (b"T08", b"t08"),
        (b"T08", b" 08"),
        (b"T08", b"T24"),
        (b"-11-21", b"-11-31"),
        (b"-11-21", b"-13-21"),
        (b":27.", b":60."),
        (b"2026", b"0000"),
        (b"story.claimed", b"story"),
        (b"story.claimed", b"Story.claimed"),
        (b"story.claimed", b"story.claimed."),
        (b"story.claimed", b"story..claimed"),
        (b'["agent:ann","dispatch:7"]', b"[]"),
        (b'["agent:ann","dispatch:7"]', b'"agent:ann"'),
        (b'"agent:ann"', b'""'),
        (b'"agent:ann"', b"null"),
        (b'["story","s-0"]', b'["story"]'),
        (b'["story","s-0"]', b'["story",""]'),
        (b'["story","s-0"]', b'["story","s-0","x"]'),
        (b'["story","s-0"]', b'["STORY","s-0"]'),
        (b'"eseq":0', b'"eseq":1'),
        (b'"eprev":null', b'"eprev":0'),
        (b'"eprev":null,', b""),
        (b'AAAAAA=="', b'AAAAAQ="'),
        (b'"salt":"A', b'"salt":"AAAAA'),
        (b'"data":{"agent_id":"ann","n":0}', b'"data":null'),
        (b'"data":{"agent_id":"ann","n":0}', b'"data":[]'),
        (b',"data":{"agent_id":"ann","n":0}', b""),
        (b'"data":{', b'"data": {'),
        (b'"n":0', b'"n":0.5'),
        (b'"n":0', b'"n":0,"a":0'),
        (b'"n":0', b'"agent_id":"ann"'),
        (b'"data":{', b'"commit":"lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=","data":{'),
        (b'"data"', b'"commit":null,"data"'),
        (b'"ann"', b'"\\u0061nn"'),
        (b'"ann"', b'"\xff"'),
        (b'"n":0}}', b'"n":0}}\n'),
        (b'"n":0}}', b'"n":0}'),
        (b'"n":0}}', b'"n":0}} '),
        (b'"n":0}}', b'"n":0},"z":1}'),
        (b'"n":0', b'"n":9007199254740992'),
    ],
)
def test_an_entry_with_one_thing_wrong_is_refused(old: bytes, new: bytes) -> None:
    assert FIRST.count(old) >= 1
    with pytest.raises(TlogError):
        decode_entry(FIRST.replace(old, new, 1))


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": -1},
        {"seq": 2**63 - 1},
        {"seq": 2**63},
        {"prev": b""},
        {"prev": LEAVES[0]},
        {"salt": bytes(15)},
        {"eseq": -1},
        {"eseq": 1, "eprev": None},
        {"eseq": 0, "eprev": 0},
        {"ts": "2026-11-21T08:54:27Z"},
        {"ts": "2026-02-30T08:54:27.000000Z"},
        {"type": "claimed"},
        {"type": "a." + "b" * 64},
        {"actor": ()},
        {"actor": ("a",) * 17},
        {"actor": ("a" * 256,)},
        {"entity": ("Story", "1")},
        {"entity": ("story", "x" * 256)},
        {"entity": ("story", "\ud800")},
        {"data": UNSET},
        {"commit": LEAVES[0][:31]},
        {"data": UNSET, "commit": LEAVES[0][:31]},
        {"data": Raw(b"[]")},
        {"data": Raw(b"1")},
    ],
)
def test_what_could_not_be_read_back_is_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(TlogError):
        encode_entry(an_entry(**changes))


@pytest.mark.parametrize(
    ("eseq", "eprev", "good"), [(1, 0, True), (5, 4, True), (1, 9, True), (5, 3, False), (1, 10, False)]
)
def test_an_entity_links_back_to_an_earlier_entry_of_its_own(eseq: int, eprev: int, good: bool) -> None:
    """In entry 10; the fifth entry of an entity cannot have position 3 before it."""
    entry = an_entry(10, LEAVES[0], eseq=eseq, eprev=eprev)
    if good:
        assert decode_entry(encode_entry(entry)) == entry
    else:
        with rejects("entry_malformed"):
            encode_entry(entry)


def test_an_entry_has_at_most_65535_bytes() -> None:
    room = 65_535 - len(encode_entry(an_entry(data=canonical_json({"a": ""}))))
    largest = an_entry(data=canonical_json({"a": "x" * room}))
    larger = an_entry(data=canonical_json({"a": "x" * (room + 1)}))
    raw = encode_entry(largest)
    assert len(raw) == 65_535
    assert decode_entry(raw) == largest
    with rejects("entry_too_large"):
        encode_entry(larger)
    with rejects("entry_too_large"):
        decode_entry(raw.replace(b'"x', b'"xx'))


def test_the_same_event_twice_has_two_leaf_hashes() -> None:
    """Or the leaf hash of a guessable entry, which is public, would tell that the guess was right."""
    once = an_entry(1, LEAVES[0], salt=bytes(16))
    assert leaf_hash(encode_entry(once)) != leaf_hash(encode_entry(replace(once, salt=b"1" * 16)))


def test_a_payload_commitment_separates_salt_and_payload() -> None:
    assert payload_commitment(bytes(16), b"p").hex() == (
        "c6671494dc1c964da79437c2ca55c2f4fd31f7fbd328c9a97df0ae4e82931671"
    )
    assert payload_commitment(bytes(16), b"p") != payload_commitment(b"1" * 16, b"p")
    with pytest.raises(ValueError, match="16 bytes"):
        payload_commitment(bytes(15), b"p")


def test_times_are_utc_with_microseconds() -> None:
    assert timestamp(datetime(2026, 11, 21, 8, 54, 27, tzinfo=UTC)) == "2026-11-21T08:54:27.000000Z"
    assert an_entry(ts="2026-11-21T08:54:27.434248Z").at == datetime(2026, 11, 21, 8, 54, 27, 434248, tzinfo=UTC)
    for moment in (datetime(2026, 11, 21), datetime(2026, 11, 21, tzinfo=timezone(timedelta(hours=1)))):  # noqa: DTZ001 # a naive time is the case
        with pytest.raises(ValueError, match="UTC"):
            timestamp(moment)


def test_a_head_is_read_without_its_data() -> None:
    head = decode_head(LATER)
    assert (head.seq, head.eseq, head.eprev, head.prev) == (4711, 3, 4000, LEAVES[0])
    with rejects("entry_malformed"):
        decode_head(b"{}")
