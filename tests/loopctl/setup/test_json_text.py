"""JSON files of others: one member comes in and goes out again, and nothing else moves."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopctl.setup.json_text import NotUnderstood, added, missing, read, without

NAMES = st.text(max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
LAYOUTS = st.sampled_from([{"indent": 2}, {"indent": "\t"}, {"indent": None}, {"separators": (",", ":")}])
OURS = {"command": "loopctl", "args": ["mcp"]}
NEW = "loopctl-agent, and no name that is there"


@given(document=OBJECTS, servers=OBJECTS, layout=LAYOUTS)
def test_a_member_comes_in_and_everything_else_keeps_its_place(
    document: dict[str, Any], servers: dict[str, Any], layout: dict[str, Any]
) -> None:
    whole = {**document, "mcpServers": servers}
    text = json.dumps(whole, **layout)
    after = added(text, ("mcpServers",), NEW, OURS)
    expected = {**whole, "mcpServers": {**servers, NEW: OURS}}
    assert json.dumps(json.loads(after)) == json.dumps(expected), "members or their order"
    assert without(after, ("mcpServers",), NEW, OURS) == text, "not a byte has moved"


@given(document=OBJECTS, layout=LAYOUTS)
def test_what_was_made_on_the_way_goes_again(document: dict[str, Any], layout: dict[str, Any]) -> None:
    text = json.dumps(document, **layout)
    inside = (NEW, "inner")
    ways = missing(text, inside)
    assert ways == [(NEW,), (NEW, "inner")]
    assert without(added(text, inside, "a", OURS), inside, "a", OURS, ways) == text
    assert json.loads(without(added(text, inside, "a", OURS), inside, "a", OURS)) == {**document, NEW: {"inner": {}}}


@given(document=OBJECTS, calls=st.lists(VALUES, min_size=1, max_size=3), layout=LAYOUTS)
def test_an_item_comes_to_the_end_of_a_list_and_goes_again(
    document: dict[str, Any], calls: list[Any], layout: dict[str, Any]
) -> None:
    whole = {**document, "hooks": {"Stop": calls}}
    text = json.dumps(whole, **layout)
    after = added(text, ("hooks", "Stop"), None, {"ours": True})
    assert json.loads(after) == {**whole, "hooks": {"Stop": [*calls, {"ours": True}]}}
    assert without(after, ("hooks", "Stop"), None, {"ours": True}) == text


@given(value=VALUES, layout=LAYOUTS)
def test_every_json_is_read_as_the_library_reads_it(value: Any, layout: dict[str, Any]) -> None:
    text = json.dumps(value, **layout)
    assert json.dumps(read(text).value) == json.dumps(json.loads(text))


@given(st.text(alphabet='{}[],:"\\ a1n\n/*'))
def test_any_other_text_is_refused_with_a_line_and_nothing_else(text: str) -> None:
    assert 0 <= line_of_refusal(text) <= text.count("\n") + 1


def line_of_refusal(text: str) -> int:
    try:
        read(text)
    except NotUnderstood as error:
        return error.line
    return 0


def test_comments_stay_where_they_are() -> None:
    text = '// mine\n{\n  "servers": {\n    "a": {}, // first\n  },\n}\n'
    after = added(text, ("servers",), "b", 1)
    assert after == '// mine\n{\n  "servers": {\n    "a": {},\n    "b": 1, // first\n  },\n}\n'
    assert without(after, ("servers",), "b", 1) == text
    assert added("{ /* empty */ }", (), "b", 1) == '{\n  "b": 1 /* empty */\n}'


def test_an_empty_file_becomes_an_object() -> None:
    assert added("", ("mcpServers",), "b", 1) == '{\n  "mcpServers": {\n    "b": 1\n  }\n}\n'


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ('{\n  "a": 1\n  "b": 2\n}', "a comma or } is missing", 3),
        ('{\n  "a": 1,\n  "a": 2\n}', "a is there twice", 3),
        ("{\n  'a': 1\n}", "a name in double quotes is missing", 2),
        ('{"a": 1', "a comma or } is missing", 1),
        ('{"a": 1}\n{}', "something stands behind the end", 2),
        ('{"a": 01}', "01 is no JSON", 1),
        ("[" * 200, "it is nested too deeply", 1),
        ("\n\n", "it ends too early", 3),
        ('{"a": "\\x"}', '"\\x" is no JSON', 1),
    ],
)
def test_what_is_no_json_is_said_with_its_line(text: str, problem: str, line: int) -> None:
    with pytest.raises(NotUnderstood) as caught:
        read(text)
    assert (caught.value.problem, caught.value.line) == (problem, line)


@pytest.mark.parametrize(
    ("text", "inside", "name"),
    [
        ("[]", ("servers",), "b"),
        ('{\n  "servers": []\n}', ("servers",), "b"),
        ('{\n  "servers": "none"\n}', ("servers",), "b"),
        ('{\n  "hooks": {}\n}', ("hooks",), None),
    ],
)
def test_what_is_of_another_kind_is_not_written_over(text: str, inside: tuple[str, ...], name: str | None) -> None:
    with pytest.raises(NotUnderstood):
        added(text, inside, name, 1)
