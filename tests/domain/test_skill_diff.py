"""A difference is a patch: whoever applies it to the text before has the text after."""

import re

from hypothesis import given
from hypothesis import strategies as st

from domain.skill_diff import diff

PLACE = re.compile(r"@@ -([0-9]+)(?:,([0-9]+))? \+")
LINES = st.lists(st.sampled_from(["a", "b", "c", "", "-x", "+y", "@@ z", " "]), max_size=30)
LONG = st.builds(lambda rows, before, after: [*map(str, range(before)), *rows, *map(str, range(after))],
                 LINES, st.sampled_from([0, 600]), st.sampled_from([0, 600]))  # fmt: skip


def applied(before: list[str], patch: list[str]) -> list[str]:
    """As the program patch does it."""
    after, at = [], 0
    for line in patch[2:]:
        if place := PLACE.match(line):
            start = int(place[1]) - (0 if place[2] == "0" else 1)
            after += before[at:start]
            at = start
        elif line.startswith("+"):
            after.append(line[1:])
        else:
            assert before[at] == line[1:], "what is taken out or left stands there"
            after += [] if line.startswith("-") else [line[1:]]
            at += 1
    return after + before[at:]


@given(LONG, LONG)
def test_the_patch_of_two_texts_makes_the_one_of_the_other(one: list[str], other: list[str]) -> None:
    """Went red when the places of hunks were not moved by the lines that the texts begin with in common."""
    patch = diff("\n".join(one), "\n".join(other), ("s@1", "s@2"))
    before, after = "\n".join(one).splitlines(), "\n".join(other).splitlines()
    assert applied(before, patch or ["", ""]) == after
    assert (patch == []) == (before == after)


def test_texts_that_differ_in_thousands_of_lines_are_not_searched() -> None:
    """Nothing in common but the ends: everything between them is taken out and put in."""
    one = ["begin", *(f"a{number % 7}" for number in range(5000)), "end"]
    other = ["begin", *(f"b{number % 7}" for number in range(5000)), "end"]
    patch = diff("\n".join(one), "\n".join(other), ("s@1", "s@2"))
    assert (len(patch), patch[2]) == (10_003, "@@ -2,5000 +2,5000 @@")
    assert applied(one, patch) == other
