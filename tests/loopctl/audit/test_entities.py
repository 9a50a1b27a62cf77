"""The histories of more entities than memory holds are checked all the same."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing

import pytest

from loopctl.audit.entities import Entities
from loopctl.audit.fault import Fault
from loopctl.audit.links import BrokenLink, Link, read_links
from tests.loopctl.audit.bundles import files
from tests.support.sample_log import Plan, make_log

GROUP = 256


def links(count: int, entities: int) -> list[Link]:
    """Entities take turns, in two kinds with the same ids."""
    made, ends = [], dict[tuple[str, str], tuple[int, int]]()
    for position in range(count):
        entity = ("story" if position % 2 else "epic", str(position % entities // 2))
        last, seen = ends.get(entity, (None, 0))
        made.append(Link("story.claimed", entity, seen, last))
        ends[entity] = (position, seen + 1)
    return made


def see(entities: Entities, history: list[Link]) -> None:
    for first in range(0, len(history), GROUP):
        entities.see(first, history[first : first + GROUP])
    entities.finish()


@pytest.mark.parametrize("most", [10_000, 999, 300, 0])
def test_a_history_without_gaps_is_good_in_memory_and_in_files(most: int) -> None:
    with closing(Entities(most)) as entities:
        see(entities, links(5_000, 1_000))
        assert entities.count == 1_000


def wrong(change: str) -> list[Link]:
    history = links(5_000, 1_000)
    good = history[3_000]
    assert good.eprev is not None
    history[3_000] = {
        "skips one": Link(good.type, good.entity, good.eseq, good.eprev - 1_000),
        "miscounts": Link(good.type, good.entity, good.eseq + 1, good.eprev),
        "begins again": Link(good.type, good.entity, 0, None),
        "another entity": Link(good.type, history[3_001].entity, good.eseq, good.eprev),
        "another kind": Link(good.type, ("wiki", good.entity[1]), good.eseq, good.eprev),
        "never began": Link(good.type, ("epic", "new"), 1, 5),
    }[change]
    return history


@pytest.mark.parametrize("most", [10_000, 300])
@pytest.mark.parametrize(
    "change", ["skips one", "miscounts", "begins again", "another entity", "another kind", "never began"]
)
def test_the_first_wrong_link_is_located(change: str, most: int) -> None:
    with closing(Entities(most)) as entities, pytest.raises(BrokenLink) as caught:
        see(entities, wrong(change))
    assert caught.value.finding.place == "entry 3000"


def test_memory_does_not_grow_with_the_number_of_entities() -> None:
    assert peak(40_000, most=2_000) < peak(40_000, most=100_000) / 3


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"7",
        b'{"v":1',
        b'{"type":"a.b","entity":["story"],"eseq":0,"eprev":null}',
        b'{"type":"a.b","entity":["story",""],"eseq":0,"eprev":null}',
        b'{"type":"a.b","entity":["story","%b"],"eseq":0,"eprev":null}' % (b"x" * 256),
        b'{"type":"a.b","entity":["story","x"],"eseq":"0","eprev":null}',
        b'{"type":"a.b","entity":["story","x"],"eseq":0}',
        b'{"type":"a.b","entity":["story","\xff"],"eseq":0,"eprev":null}',
        b'{"type":"a.b","entity":["story","x"],"eseq":0,"eprev":null,"data":%b}' % (b"[" * 10_000),
    ],
)
def test_what_is_no_entry_is_located(raw: bytes) -> None:
    good = make_log(Plan(size=3)).raw
    with pytest.raises(Fault) as caught:
        read_links(500, [*good, raw, *good])
    assert (caught.value.finding.code, caught.value.finding.place) == ("entry_malformed", "entry 503")


def test_two_entries_that_are_json_only_together_are_no_entries() -> None:
    with pytest.raises(Fault):
        read_links(0, [b'{"type":"a.b","entity":["s","x"],"eseq":0,"eprev":null,"data":[1', b"2]}"])


def test_the_links_of_a_log_are_read_as_they_were_written() -> None:
    log = make_log(Plan(size=40, entities=3))
    read = read_links(0, log.raw)
    assert [link.eseq for link in read] == [position // 3 for position in range(40)]
    assert "tile/entries/000.p/40" in files(log)


def peak(count: int, most: int) -> int:
    def groups() -> Iterator[tuple[int, list[Link]]]:
        for first in range(0, count, GROUP):
            yield first, [Link("a.b", ("story", f"{number:036d}"), 0, None) for number in range(first, first + GROUP)]

    tracemalloc.start()
    with closing(Entities(most)) as entities:
        for first, group in groups():
            entities.see(first, group)
        entities.finish()
        _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return highest
