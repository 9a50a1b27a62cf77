"""A project in each form and back is the same import, whatever its texts are."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopctl.exporters.markdown_folder import from_markdown, to_markdown
from loopctl.exporters.members import EPIC, STORY, without_defaults
from loopctl.exporters.spreadsheet import from_csv, to_csv
from loopctl.importers.items import SourceFile, Unreadable

HARD = [
    "---",
    "\n---\n",
    "## Description",
    "- [ ] x",
    "=1+1",
    "'=1",
    "''",
    'a,b"c',
    "\r\n x",
    "\u2028",
    "\x85",
    ": {",
    "{",
    '"',
]
TEXTS = st.one_of(
    st.sampled_from(HARD),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    st.lists(st.sampled_from(HARD), min_size=1, max_size=3).map("".join),
).filter(lambda text: bool(text.strip()))
JSON = st.dictionaries(
    st.sampled_from("ab"), st.one_of(TEXTS, st.integers(-9, 9), st.booleans(), st.none()), max_size=2
)
CRITERIA = st.lists(
    st.one_of(
        st.fixed_dictionaries({"id": st.sampled_from(["AC-1", "x"]), "criterion": TEXTS}),
        st.fixed_dictionaries({"criterion": TEXTS}),
        st.fixed_dictionaries({"id": TEXTS, "description": TEXTS, "more": JSON}),
    ),
    max_size=3,
)
STORIES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "title": TEXTS, "description": st.none() | TEXTS, "acceptance_criteria": CRITERIA,
        "estimated_hours": st.sampled_from([None, 4, 1.5, 0.25]), "metadata": JSON,
        "agent_status": st.sampled_from(["pending", "reported_done"]),
        "verified_status": st.sampled_from(["unverified", "verified"]), "assigned_agent_id": st.none(),
    }
)  # fmt: skip
EPICS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "title": TEXTS, "description": st.none() | TEXTS, "phase": st.none() | TEXTS, "position": st.integers(0, 9),
        "metadata": JSON, "stories": st.lists(STORIES, max_size=3),
    }
)  # fmt: skip


@st.composite
def projects(draw: st.DrawFn) -> dict[str, Any]:
    epics = draw(st.lists(EPICS, min_size=1, max_size=3))
    for number, epic in enumerate(epics, 1):
        epic["number"] = number
        for at, story in enumerate(epic["stories"], 1):
            story["number"] = f"{number}.{at * 10}"
    names = [story["number"] for epic in epics for story in epic["stories"]]
    edges = [{"story": one, "depends_on": other} for one in names for other in names if one > other]
    between = [{"epic": len(epics), "depends_on": 1}] if len(epics) > 1 else []
    chosen = draw(st.lists(st.sampled_from(edges), unique_by=str)) if edges else []
    return {"epics": epics, "story_dependencies": chosen, "epic_dependencies": between}


def as_import(project: Mapping[str, Any]) -> Any:
    """What an import goes by: absent members are empty ones, and dependencies are a set."""
    epics = [
        {
            **without_defaults({name: epic.get(name) for name in EPIC}),
            "stories": [
                without_defaults({name: story.get(name) for name in STORY})
                for story in sorted(epic["stories"], key=lambda each: str(each["number"]))
            ],
        }
        for epic in sorted(project["epics"], key=lambda each: int(each["number"]))
    ]
    edges = [sorted(map(str, map(dict.items, project[kind]))) for kind in ("story_dependencies", "epic_dependencies")]
    return epics, edges


def through_markdown(project: Mapping[str, Any]) -> Any:
    return from_markdown([SourceFile(name, text) for name, text in to_markdown(project).items()])[0]


def through_csv(project: Mapping[str, Any]) -> Any:
    return from_csv(SourceFile("p.csv", to_csv(project)))[0]


@pytest.mark.parametrize("through", [through_markdown, through_csv])
@given(project=projects())
def test_there_and_back_is_the_same(through: Any, project: dict[str, Any]) -> None:
    assert as_import(through(project)) == as_import(project)


def test_markdown_is_for_people() -> None:
    story = {
        "number": "1.1", "title": "Log in", "description": "With a key.", "estimated_hours": 4, "metadata": {},
        "acceptance_criteria": [{"id": "AC-1", "criterion": "It works"}], "agent_status": "reported_done",
        "verified_status": "verified",
    }  # fmt: skip
    epic = {"number": 1, "title": "Keys", "stories": [story]}
    files = to_markdown({"epics": [epic], "story_dependencies": [], "epic_dependencies": []})
    assert files["epic-1/1.1.md"] == (
        '---\nnumber: "1.1"\ntitle: "Log in"\nestimated_hours: 4\nagent_status: "reported_done"\n'
        'verified_status: "verified"\n---\n\n## Acceptance criteria\n\n- [x] AC-1: It works\n\n## Description\n\n'
        "With a key.\n"
    )


def test_a_spreadsheet_computes_nothing_and_keeps_numbers() -> None:
    story = {"number": "1.10", "title": "=1+1", "agent_status": "pending", "verified_status": "unverified"}
    epic = {"number": 1, "title": "E", "stories": [story]}
    rows = to_csv({"epics": [epic], "story_dependencies": [], "epic_dependencies": []}).splitlines()
    assert rows[2].startswith('"story","US-1.10","1","\'=1+1"')


HEAD = "kind,number,epic,title,depends_on\n"
WRONG_TABLES = {
    "": "has no columns kind, number", "a,b\n1,2\n": "has no columns kind, number", 'kind,number\n"a': "is no CSV",
    f"{HEAD}story,US-1.1,1,T,\n": "row 2: is of epic 1, which has no row before it",
    f"{HEAD}thing,1,,T,\n": "row 2: is neither an epic nor a story", f"{HEAD}epic,x,,T,\n": "row 2: x is no number",
    "kind,number,colour\nepic,1,red\n": "has columns that are none of these: colour",
    "kind,number,metadata\nepic,1,{\n": "row 2: metadata is no JSON",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG_TABLES)
def test_what_is_wrong_with_a_table_is_said_with_its_row(text: str) -> None:
    with pytest.raises(Unreadable, match=WRONG_TABLES[text]):
        from_csv(SourceFile("p.csv", text))


WRONG_FILES = {
    "no front": "has no front matter", "---\ntitle: x\n---\n": "line 2: title is no JSON",
    "---\ntitle: 1\ntitle: 2\n---\n": "line 3: is no member", "---\nx\n---\n": "line 2: is no member",
    "---\ndepends_on: 1\n---\n": "depends_on is no list", "---\nnumber: 1\n": "has no front matter",
    '---\nnumber: 1\n---\n- [ ] {"id": \n': "has a criterion that begins as JSON",
    f"---\nmetadata: {'[' * 5000}\n---\n": "metadata is no JSON",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG_FILES)
def test_what_is_wrong_with_a_file_is_said_with_its_line(text: str) -> None:
    with pytest.raises(Unreadable, match=WRONG_FILES[text]):
        from_markdown([SourceFile("epic-1/epic.md", text)])


def test_all_that_is_wrong_is_said_at_once_and_stories_need_an_epic() -> None:
    files = [SourceFile("epic-1/1.1.md", "x"), SourceFile("epic-2/epic.md", "---\na\n---\n")]
    with pytest.raises(Unreadable) as wrong:
        from_markdown(files)
    assert len(wrong.value.problems) == 3
