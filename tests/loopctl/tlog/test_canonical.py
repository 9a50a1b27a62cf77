"""Canonical JSON against RFC 8785, written down a second time in the shortest way, and everything it refuses."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from loopctl.tlog.canonical import DEEPEST, LARGEST_INTEGER, canonical_json, parse_canonical_json
from loopctl.tlog.errors import TlogError
from tests.loopctl.tlog.samples import rejects

CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from('\x00\x1f\x7f"\\/\u2028\ufb33\U0001f600é')
TEXTS = st.text(CHARACTERS, max_size=8)
INTEGERS = st.integers(-LARGEST_INTEGER, LARGEST_INTEGER)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def rfc_8785(value: Any) -> str:
    """Without numbers that have a fraction; strings as ECMAScript writes them."""
    match value:
        case dict():
            keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
            return "{" + ",".join(f"{rfc_8785(key)}:{rfc_8785(value[key])}" for key in keys) + "}"
        case list():
            return "[" + ",".join(map(rfc_8785, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


@given(VALUES)
def test_every_value_is_spelled_as_rfc_8785_says_and_read_back(value: Any) -> None:
    text = bytes(canonical_json(value))
    assert text.decode() == rfc_8785(value)
    assert parse_canonical_json(text) == value


@given(
    VALUES, st.sampled_from([{"indent": 1}, {"separators": (", ", ":")}, {"ensure_ascii": True}, {"sort_keys": True}])
)
def test_every_other_spelling_is_refused(value: Any, style: dict[str, Any]) -> None:
    options: dict[str, Any] = {"ensure_ascii": False, "separators": (",", ":")} | style
    other = json.dumps(value, **options).encode()
    if other == rfc_8785(value).encode():
        assert parse_canonical_json(other) == value
    else:
        with rejects("json_not_canonical"):
            parse_canonical_json(other)


def test_keys_are_in_the_order_of_utf16_units() -> None:
    """The example of RFC 8785, section 3.2.3: the surrogates of U+1F600 come before U+FB33."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    text = bytes(canonical_json({"inner": [dict.fromkeys(keys)]}))
    assert list(json.loads(text)["inner"][0]) == ordered
    assert ordered != sorted(keys)
    by_code_point = json.dumps(dict.fromkeys(sorted(keys)), ensure_ascii=False, separators=(",", ":")).encode()
    with rejects("json_not_canonical"):
        parse_canonical_json(by_code_point)


@pytest.mark.parametrize(
    "value",
    [
        1.0, 0.5, [1e300], {"a": -0.0}, float("nan"), {"a": [None, float("inf")]}, 2**53, [-(2**53)], {"a": 10**30},
        {1: 2},
        "\ud800", {"\udfff": 1}, object(), {("a",): 1}, {"a": {1, object()}},
    ],
)  # fmt: skip # one value beside the other
def test_what_readers_elsewhere_would_see_otherwise_is_not_written(value: object) -> None:
    with rejects("json_unrepresentable"):
        canonical_json(value)


@pytest.mark.parametrize(
    "text",
    [
        b"1.0", b"1e2", b"[0.5]", b"9007199254740992", b"-9007199254740992", b"18446744073709551616", b"1" * 400,
        b"", b"{", b"nul", b"NaN", b"[1,]", b"{\"a\":1,}", b"\xff", b"\"\xff\"", b"\"\\ud800\"", b"\"\x01\"", b"1 2",
        b"'a'",
        b"\xef\xbb\xbf1", b"01", b"+1", b"\"\xed\xa0\x80\"",
    ],
)  # fmt: skip # one text beside the other
def test_what_is_no_json_without_fractions_is_not_read(text: bytes) -> None:
    with rejects("json_unrepresentable"):
        parse_canonical_json(text)


@pytest.mark.parametrize(
    "text", [b"-0", b'{"a":1,"a":1}', b'{"b":1,"a":1}', b'"\\u0041"', b'"\\/"', b"1\n", b" 1", b'"\\u000A"']
)
def test_a_second_spelling_is_not_read(text: bytes) -> None:
    with rejects("json_not_canonical"):
        parse_canonical_json(text)


def test_digits_and_points_inside_texts_are_no_numbers() -> None:
    value = {
        "at": "2026-11-21T08:54:27.434248Z",
        "id": "12345678901234567890",
        "n": ',1.5e3,[0.1]:"2.5',
        "m": LARGEST_INTEGER,
    }
    assert parse_canonical_json(bytes(canonical_json(value))) == value


def test_nesting_ends_at_64() -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        deep, deeper = (f"{opening * depth}{1}{closing * depth}".encode() for depth in (DEEPEST, DEEPEST + 1))
        assert parse_canonical_json(deep)
        for text in (deeper, opening.encode() * 100_000):
            with pytest.raises(TlogError) as refused:
                parse_canonical_json(text)
            assert refused.value.code in ("json_too_deep", "json_unrepresentable")
        with rejects("json_too_deep"):
            canonical_json(json.loads(deeper))


def test_many_small_lists_are_not_deep() -> None:
    assert parse_canonical_json(b"[" + b",".join([b"[[]]"] * 500) + b"]")


def test_structs_and_ids_are_written_as_their_json() -> None:
    class Claimed(Struct):
        story_id: UUID
        agent_id: str
        note: None = None

    assert bytes(canonical_json(Claimed(UUID(int=1), "ann"))) == (
        b'{"agent_id":"ann","note":null,"story_id":"00000000-0000-0000-0000-000000000001"}'
    )
