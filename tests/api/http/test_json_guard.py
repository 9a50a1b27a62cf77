"""The guard in front of every JSON decoder."""

import json
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from itertools import accumulate

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.http.json_guard import check_json
from api.http.refusal import Refused

DEPTH = 64


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b" \n[1, -2.5, true, null]\t",
        b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}',
        '{"name": "Grüße, 世界 🎉"}'.encode(),
        b'"\\ud83d\\ude00"',
        b'{"path": "C:\\\\u0000"}',
        b"[9223372036854775807, -9223372036854775808]",
        b"[1.5e300, 1E5, 0.000000000000000000001]",
        b'"a number in a string: 99999999999999999999999"',
        b"[" * DEPTH + b"]" * DEPTH,
        b'"' + b"[" * 1000 + b'"',
    ],
)
def test_ordinary_json_passes(body: bytes) -> None:
    check_json(body, DEPTH)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a":1,"a":2}', "the key 'a' appears twice in the outermost object"),
        (b'{"a":1,"\\u0061":2}', "the key 'a' appears twice in the outermost object"),
        (b'{"x~/":[0,{"b":1,"b":1}]}', "the key 'b' appears twice in the object at /x~0~1/1"),
        (b'{"a":1,"a":2}x', "the key 'a' appears twice"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64 levels at offset 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "nested deeper than 64 levels at offset 320"),
        (b'{"a":"\xff"}', "not UTF-8 at offset 6"),
        (b'"\xed\xa0\x80"', "not UTF-8 at offset 1"),
        (b'{"a":"\x00"}', "a NUL byte at offset 6"),
        (b'{"a":"\\u0000"}', "an escaped NUL at offset 6"),
        (b'{"a":"\\\\\\u0000"}', "an escaped NUL at offset 8"),
        (b'{"\\u0000":1}', "an escaped NUL at offset 2"),
        (b'"\\ud800"', "half of a surrogate pair"),
        (b'["\\ude00\\ud83d"]', "half of a surrogate pair"),
        (b"[9223372036854775808]", "the number at offset 1 is outside the range that is accepted"),
        (b"-9223372036854775809", "the number at offset 0 is outside the range that is accepted"),
        (b'{"n":' + b"1" * 5000 + b"}", "the number at offset 5 is outside the range that is accepted"),
        (b"[1e999]", "the number at offset 1 is outside the range that is accepted"),
        (b"NaN", "JSON is malformed: invalid character (byte 0)"),
        (b"[-Infinity]", "JSON is malformed: invalid character (byte 2)"),
        (b"", "Input data was truncated"),
        (b'{"a":1}}', "JSON is malformed: trailing characters (byte 8)"),
        (b"\xef\xbb\xbf{}", "JSON is malformed: invalid character (byte 0)"),
        (b"]" * 100, "JSON is malformed: invalid character (byte 0)"),
        (b'"' + b"[" * 100, "nested deeper than 64 levels at offset 65"),
        (b'"\\"' + b"[" * 100, "nested deeper than 64 levels at offset 67"),
        (b'"' + b"[" * 70_000 + b'"' + b"[" * 65, "nested deeper than 64 levels"),
        (b"[" * 65 + b'"' + b'\\"' * 100_000, "nested deeper than 64 levels at offset 64"),
        (b"[1,]", "JSON is malformed: trailing comma in array (byte 3)"),
    ],
)
def test_what_a_decoder_or_the_database_would_stumble_over_is_refused_with_its_place(body: bytes, said: str) -> None:
    with pytest.raises(Refused) as refused:
        check_json(body, DEPTH)
    assert refused.value.code == "bad_request"
    assert refused.value.message == f"Bad Request: {said}"


def steps(text: str) -> Iterator[int]:
    """Character by character, one level in or out: what is between quotes does not count, unless nothing ends it."""
    inside: list[int] = []
    escaped = quoted = False
    for character in text:
        step = {"[": 1, "{": 1, "]": -1, "}": -1}.get(character)
        if quoted:
            inside += [step] if step else []
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif step:
            yield step
        elif character == '"':
            quoted, inside = True, []
    if quoted:
        yield from inside


WHOLE = st.sampled_from(("[", "{", "]", "}", ",", '"a"', '"[["', r'"\\"', r'"[\"[[\"]"', r'"\\\"["', '""'))
UNFINISHED = st.sampled_from(("", '"', '"[[', r'"\"[\"[', r'"[\\\"]', '"[\\', r'"[\\'))


@given(st.lists(WHOLE, max_size=20).map("".join), UNFINISHED, st.integers(0, 4))
def test_the_depth_is_what_a_walk_over_the_characters_finds(whole: str, unfinished: str, most: int) -> None:
    text = whole + unfinished
    said: str | None = None
    try:
        check_json(text.encode(), most)
    except Refused as refused:
        said = refused.message
    assert ("nested deeper" in (said or "")) == (max(accumulate(steps(text)), default=0) > most)


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(VALUES, st.booleans())
def test_whatever_json_can_say_within_the_bounds_passes(value: object, ascii_only: bool) -> None:
    check_json(json.dumps(value, ensure_ascii=ascii_only).encode(), 1000)


PIECES = (
    "{",
    "}",
    "[",
    "]",
    '"a":',
    '"b":',
    ",",
    "1",
    '"a"',
    "null",
    "NaN",
    " ",
    '"\\u0061":',
    "1e999",
    "9" * 5000,
    "\\",
)


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join).map(str.encode))
@example(b'{"a":1,"a":1}NaN')
def test_whatever_is_wrong_it_is_refused_and_not_stumbled_over(body: bytes) -> None:
    with suppress(Refused):
        check_json(body, DEPTH)


@given(st.binary(max_size=200) | st.text('[]{}",:0123456789.eE+-\\u d8a\t\x00', max_size=60).map(str.encode))
def test_whatever_passes_both_decoders_read_alike(body: bytes) -> None:
    try:
        check_json(body, DEPTH)
    except Refused:
        return
    assert msgspec.json.decode(body) == json.loads(body)


def test_to_say_where_a_key_is_given_twice_takes_no_more_memory_than_a_few_times_the_body() -> None:
    body = b'{"a":{"b":1,"b":1},"%b":[%b1]}' % (b"k" * 32_000, b"1," * 15_000)
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="appears twice in the object at /a"):
            check_json(body, DEPTH)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 * len(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b"[" * 1_000_000 + b"]" * 1_000_000,
        b'{"a":' * 400_000,
        b"\\" * 2_000_000,
        b'"\\' * 1_000_000,
        b'"' * 2_000_000,
        b"1" * 2_000_000,
        b'"' + b"\\\\" * 1_000_000 + b'u0000"',
        b'{"k":1,' * 280_000,
        b"{" + b",".join(b'"k":%d' % n for n in range(200_000)) + b"}",
        b"[" * 65 + b'"' + b'\\"' * 1_000_000,
        b"[" * 65 + b'"\\' * 1_000_000,
        b"[" * 65 + b'"' * 2_000_000,
    ],
    ids=range(13),
)
def test_the_worst_body_of_two_megabytes_takes_less_than_a_second(body: bytes) -> None:
    began = time.process_time()
    with suppress(Refused):
        check_json(body, DEPTH)
    assert time.process_time() - began < 1.0
