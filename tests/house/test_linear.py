"""Twice the text may take at most about twice the work: a reader for which it is four times as much can be made to hold
up everybody by one client."""

import gc
import importlib
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from bench.growing import Repeated
from domain.errors import Rejected
from tests.house import linear
from tests.house.fed import Fed, Reader
from tests.house.large_imports import PLANNED
from tests.house.linear import CUTTERS, PATTERNS, READERS, asked, nobodys_texts, read
from tests.house.tree import Source, sources

LARGEST_RATIO = 2.5
ROUNDS = 12
TOO_LITTLE_SECONDS = 0.002
"""What so little time is enough for at the largest size holds nobody up, and is too short to be compared."""

LONG_ENOUGH = 1 << 20
"""What takes twice the work for twice the text up to here does so for any: it begins again at each piece or it does
not, and here there are hundreds of thousands of pieces."""

SCREENED_BYTES = 8000
SCREENED_SECONDS = 0.05
"""What grows with the square of the length takes longer for so many bytes, what is linear a fiftieth of it."""

SOURCES = linear.product(sources(".py"))
COMPILED = [(name, source.name) for source in SOURCES for name in linear.compiled(source)]
"""Each pattern with its module."""


@pytest.fixture(autouse=True)
def without_collector() -> Iterator[None]:
    """Its walks are as long as everything that the tests' process holds."""
    gc.disable()
    yield
    gc.enable()


def seconds(reader: Callable[[bytes], object], text: bytes) -> float:
    """Of this process, whatever else the machine does meanwhile."""
    began = time.process_time()
    read(reader, text)
    return time.process_time() - began


def ratio(reader: Callable[[bytes], object], shape: Repeated, most: int) -> float:
    """Work for a text of ``most`` bytes against half of it: the least of each in several rounds; 0 for hardly any."""
    half, whole = shape.of(most // 2), shape.of(most)
    least_half = least_whole = float("inf")
    for _ in range(ROUNDS):
        least_whole = min(least_whole, seconds(reader, whole))
        if least_whole < TOO_LITTLE_SECONDS:
            return 0.0
        least_half = min(least_half, seconds(reader, half))
        if least_whole <= LARGEST_RATIO * least_half:
            break
    return least_whole / least_half


def slower(reader: Callable[[bytes], object], texts: tuple[Repeated, ...], most: int) -> list[tuple[Repeated, int]]:
    """The texts for which the work grows faster than they do, and from which size on.

    Twice in a row: once it may be memory that has to be asked for from some size on.
    """
    sizes = [most >> halvings for halvings in range(most.bit_length() - 11, -1, -1)]
    found = []
    for shape in texts:
        before = 0.0
        for size in sizes:
            now = ratio(reader, shape, size)
            if min(before, now) > LARGEST_RATIO:
                found.append((shape, size))
                break
            before = now
    return found


def pattern(name: str) -> re.Pattern[Any]:
    """The pattern of that name, wherever its module is."""
    module = importlib.import_module(dict(COMPILED)[name].removesuffix(".py").replace("/", "."))
    found = getattr(module, name.rpartition(".")[2])
    assert isinstance(found, re.Pattern)
    return found


def test_each_pattern_of_the_product_is_in_the_table_and_has_a_name() -> None:
    assert sorted(name for name, _ in COMPILED) == sorted(PATTERNS)


def test_each_module_that_cuts_texts_from_outside_is_in_the_table() -> None:
    packages = ("api", "egress", "loopctl")
    cutters = {linear.stem(source) for source in SOURCES if source.package in packages and linear.cuts(source)}
    assert cutters == CUTTERS.keys()
    assert {name for name in CUTTERS.values() if name} <= READERS.keys()


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_takes_time_in_proportion_to_its_text(name: str) -> None:
    known: Fed = PATTERNS[name]
    assert slower(asked(pattern(name), known.how), known.texts, min(known.most, LONG_ENOUGH)) == []


@pytest.mark.parametrize("name", PATTERNS)
def test_no_text_of_a_patterns_own_characters_takes_it_long(name: str) -> None:
    ask, size = asked(pattern(name), PATTERNS[name].how), min(PATTERNS[name].most, SCREENED_BYTES)
    for shape in nobodys_texts(pattern(name), random.Random(7), 200):
        text = shape.of(size)
        assert any(seconds(ask, text) < SCREENED_SECONDS for _ in range(3)), shape


@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_time_in_proportion_to_its_text(name: str) -> None:
    known: Reader = READERS[name]
    assert slower(known.read, known.texts, min(known.most, LONG_ENOUGH)) == []


@pytest.mark.parametrize("name", PLANNED)
def test_an_import_of_any_size_is_planned_or_refused(name: str) -> None:
    """What breaks off takes hardly any time, and would pass for linear."""
    with suppress(Rejected):
        assert PLANNED[name](b" " * 100)


def test_a_pattern_that_begins_again_at_each_quote_is_noticed() -> None:
    string = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
    texts = (Repeated(b'"', b"a"), Repeated(b'"', b'\\"'))
    assert [shape for shape, _ in slower(asked(string, "finditer"), texts, LONG_ENOUGH)] == [texts[1]]
    screened = nobodys_texts(string, random.Random(7), 5000)
    assert any(seconds(asked(string, "search"), shape.of(SCREENED_BYTES)) > SCREENED_SECONDS for shape in screened)


def test_a_reader_that_copies_what_it_has_for_each_piece_is_noticed() -> None:
    def copying(text: bytes) -> None:
        found = b""
        for piece in text.split(b","):
            found = b"%b, %b" % (found, piece)

    assert slower(copying, (Repeated(b"", b","),), 400_000) != []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import re\nNAME = re.compile('a')\n", ["new.NAME"]),
        ("import re\ndef f(text): return re.sub('a', '', text)\n", ["new:2"]),
        ("import re\nNAMES = (re.compile('a'), re.compile('b'))\n", ["new:2", "new:2"]),
    ],
)
def test_a_new_pattern_is_noticed(text: str, found: list[str]) -> None:
    assert list(linear.compiled(Source("api/new.py", text))) == found
