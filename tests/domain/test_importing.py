"""What an import may look like, and what it comes to: no database, no HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.epic import EpicCreated
from domain.errors import Conflict, Invalid, Rejected
from domain.event import Event
from domain.importing.payload import Given, read_payload
from domain.importing.plan import ImportWish, ProjectContents, most_new, plan_import
from domain.importing.ties import KnownStory
from domain.story import StoryImported
from tests.domain.lifecycle.making import LEA, LEAS_KEY, lea
from tests.support.backlog import backlog

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
PROJECT = UUID(int=1)


def ids() -> Iterator[UUID]:
    return (UUID(int=number) for number in range(100, 1_000_000))


def planned(body: Any, *, there: ProjectContents | None = None, may_verify: bool = True) -> list[Event]:
    """Of a fresh import."""
    payload = read_payload(Given(**body))
    numbers = ids()
    wish = ImportWish(
        project_id=PROJECT, payload=payload, merge=False, ids=[next(numbers) for _ in range(most_new(payload))],
        may_verify=may_verify, importer=lea, at=NOON,
    )  # fmt: skip
    return [event for _, event in plan_import(wish, there or ProjectContents())]


def refused(body: Any, **more: Any) -> Rejected:
    with pytest.raises(Rejected) as found:
        planned(body, **more)
    return found.value


def epic(**changes: Any) -> dict[str, Any]:
    return {"epics": [{"number": 1, "title": "one", **changes}]}


def story(**changes: Any) -> dict[str, Any]:
    return epic(stories=[{"number": "1.1", "title": "first", **changes}])


def two(edges: Any = None, **more: Any) -> dict[str, Any]:
    stories = [{"number": number, "title": "t"} for number in ("1.1", "1.2")]
    return {"epics": [{"number": 1, "title": "one", "stories": stories}], "story_dependencies": edges, **more}


MEMBERS = (
    "epics", "number", "title", "stories", "acceptance_criteria", "criterion", "description", "id", "position",
    "verification_criterion", "type", "estimated_hours", "metadata", "initial_agent_status", "story", "depends_on",
)  # fmt: skip
STORY = "epics[0].stories[0]"


@pytest.mark.parametrize(
    ("body", "path", "problem"),
    [
        ({"epics": {}}, "epics", "must be an array"),
        ({"epics": ["x"]}, "epics[0]", "must be a map"),
        ({"epics": [{"title": "x"}]}, "epics[0].number", "can't be blank"),
        (epic(title=" "), "epics[0].title", "can't be blank"),
        (epic(title=7), "epics[0].title", "is invalid: must be a text"),
        (epic(stories={}), "epics[0].stories", "must be an array"),
        (epic(stories=[7]), STORY, "must be a map"),
        (story(number=None), f"{STORY}.number", "can't be blank"),
        (story(number=" "), f"{STORY}.number", "can't be blank"),
        (story(title=""), f"{STORY}.title", "can't be blank"),
        (story(acceptance_criteria="x"), f"{STORY}.acceptance_criteria", "must be an array"),
        (
            story(acceptance_criteria=[{}, 1]),
            f"{STORY}.acceptance_criteria[1]",
            'must be a map such as {"criterion": "…"}',
        ),
        (
            story(acceptance_criteria=["x"]),
            f"{STORY}.acceptance_criteria[0]",
            'must be a map such as {"criterion": "…"}',
        ),
        (epic(number=0), "epics[0].number", "must be greater than 0"),
        (epic(number="-1"), "epics[0].number", "must be an integer"),
        (epic(number=1.0), "epics[0].number", "must be an integer"),
        (epic(number=True), "epics[0].number", "must be an integer"),
        (epic(number=2**31), "epics[0].number", "must be less than or equal to 2147483647"),
        (story(number=1.5), f"{STORY}.number", 'must be a string such as "1.2"'),
        (story(number="1.x"), f"{STORY}.number", 'must be "major" or "major.minor", each from 0 to 9999'),
        (epic(title="x" * 501), "epics[0].title", "should be at most 500 character(s)"),
        (epic(position=-1), "epics[0].position", "must be greater than or equal to 0"),
        (epic(position="0"), "epics[0].position", "is invalid: must be an integer"),
        (epic(phase=[]), "epics[0].phase", "is invalid: must be a text"),
        (epic(metadata=[]), "epics[0].metadata", "must be a map"),
        (story(description={}), f"{STORY}.description", "is invalid: must be a text"),
        (story(estimated_hours=-1), f"{STORY}.estimated_hours", "must be greater than or equal to 0"),
        (story(estimated_hours="soon"), f"{STORY}.estimated_hours", "is invalid: must be a number from 0 to 1000000"),
        (story(estimated_hours=True), f"{STORY}.estimated_hours", "is invalid: must be a number of hours"),
        (story(metadata="x"), f"{STORY}.metadata", "must be a map"),
        (
            story(acceptance_criteria=[{"verification_criterion": {"type": "magic"}}]),
            f"{STORY}.acceptance_criteria[0].verification_criterion",
            "type must be one of test, code, route, migration, manual",
        ),
        (
            story(initial_agent_status="asleep"),
            f"{STORY}.initial_agent_status",
            "is invalid: must be one of pending, contracted, assigned, implementing, reported_done",
        ),
        (
            story(verified_status="perhaps"),
            f"{STORY}.verified_status",
            "is invalid: must be one of pass, verified, fail, unverified, rejected",
        ),
        (
            story(description="x" * 50_000, metadata={"a": "y" * 20_000}),
            STORY,
            "should be at most 62000 bytes in all",
        ),
        (two("x"), "story_dependencies", "must be an array"),
        (two([7]), "story_dependencies[0]", "must be a map"),
        (two([{"story": "1.1"}]), "story_dependencies[0].depends_on", "can't be blank"),
        (two([{"story": [], "depends_on": "1.1"}]), "story_dependencies[0].story", 'must be a string such as "1.2"'),
        (
            two(epic_dependencies=[{"epic": "1", "depends_on": 1}]),
            "epic_dependencies[0].epic",
            "must be an integer",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(body: Any, path: str, problem: str) -> None:
    found = refused(body)
    assert isinstance(found, Invalid)
    assert (found.code, found.facts["details"]) == ("validation_failed", {path: [problem]})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"epics": [{}] * 501}, "An import has at most 500 epics; this one has 501."),
        (epic(stories=[{}] * 10_001), "An import has at most 10000 stories; this one has 10001."),
        (two([{}] * 20_001), "An import has at most 20000 dependencies; this one has 20001."),
        (
            {"epics": [{"number": 1, "title": "a"}, {"number": "1", "title": "b"}]},
            "Duplicate epic number: 1 at epics[0].number and epics[1].number",
        ),
        (
            epic(stories=[{"number": n, "title": "t"} for n in ("1.1", "us-01.1")]),
            f"Duplicate story number: 1.1 at {STORY}.number and epics[0].stories[1].number",
        ),
        (
            epic(stories=[{"number": n, "title": "t"} for n in (2, "2")]),
            f"Duplicate story number: 2 at {STORY}.number and epics[0].stories[1].number",
        ),
        (
            two([{"story": "1.1", "depends_on": "9.9"}]),
            "Unresolved dependency reference: there is no story 9.9 in this import, which "
            "story_dependencies[0].depends_on names",
        ),
        (
            two(epic_dependencies=[{"epic": 1, "depends_on": 7}]),
            "Unresolved dependency reference: there is no epic 7 in this import, which "
            "epic_dependencies[0].depends_on names",
        ),
        (
            two([{"story": "1.1", "depends_on": "1.2"}] * 2),
            "Duplicate dependency: story 1.1 on 1.2 at story_dependencies[0] and story_dependencies[1]",
        ),
    ],
)
def test_what_is_not_consistent_is_said_in_a_sentence(body: Any, message: str) -> None:
    found = refused(body)
    assert (found.code, found.message) == ("import_invalid", message)


def test_everything_that_is_wrong_is_said_at_once_each_with_its_place() -> None:
    """Went red when each problem was raised where it was found: the first one was all that anybody heard."""
    bad = {"number": "1.1", "title": "t", "metadata": 7}
    body = {
        "epics": [
            {"number": 0, "title": "t", "position": -1, "stories": [7, bad, {**bad, "title": 3}]},
            7,
            {"number": 2, "stories": {}},
        ],
        "story_dependencies": [{"story": "1.1", "depends_on": "9.9"}, {"story": [], "depends_on": "2.1"}],
        "epic_dependencies": "x",
    }
    found = refused(body)
    assert set(found.facts["details"]) == {
        "epics[0].number", "epics[0].position", "epics[0].stories[0]", "epics[0].stories[1].metadata",
        "epics[0].stories[2].title", "epics[0].stories[2].number", "epics[0].stories[2].metadata", "epics[1]",
        "epics[2].title", "epics[2].stories", "story_dependencies[0].depends_on", "story_dependencies[1].story",
        "epic_dependencies",
    }  # fmt: skip
    assert (found.code, "13 things are wrong" in found.message) == ("validation_failed", True)


def test_of_very_much_that_is_wrong_the_first_hundred_are_named_and_all_are_counted() -> None:
    found = refused(epic(stories=[{"number": f"1.{number}", "title": " "} for number in range(250)]))
    assert len(found.facts["details"]) == 100
    assert "250 things are wrong with this import; the first 100" in found.message


def test_a_reference_to_a_story_that_is_wrong_itself_is_not_wrong_too() -> None:
    found = refused(two([{"story": "1.1", "depends_on": "1.3"}], epics=[{"number": 1, "title": "e", "stories": [
        {"number": "1.1", "title": "t"}, {"number": "1.3", "title": ""}
    ]}]))  # fmt: skip
    assert found.facts["details"] == {"epics[0].stories[1].title": ["can't be blank"]}


def test_what_was_sent_is_looked_at_before_what_is_there() -> None:
    there = ProjectContents(stories={"1.1": KnownStory(story_id=PROJECT, title="t", epic=1)})
    assert isinstance(refused(story(), there=there), Conflict)
    assert isinstance(refused(story(metadata=7), there=there), Invalid)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "nothing to import"),
        ({"epics": []}, "nothing to import"),
        ({"epics": [], "story_dependencies": [], "project": {"name": "x"}}, "nothing to import"),
        ({"stories": [{"number": "1.1", "title": "t"}]}, "Stories stand inside their epic"),
    ],
)
def test_an_import_of_nothing_is_refused_and_says_what_is_expected(body: Any, said: str) -> None:
    found = refused(body)
    assert (found.code, said in found.message, '{"epics": [{' in found.message) == ("import_invalid", True, True)


def test_an_end_of_a_dependency_is_said_once() -> None:
    """Went red when the first of the two names won, whatever the other one said."""
    found = refused(two([{"story": "1.1", "story_number": "1.2", "depends_on": "1.2"}]))
    assert found.facts["details"] == {"story_dependencies[0].story_number": ["is another name of story: say it once"]}


def test_criteria_are_brought_to_one_form_and_keep_their_other_members() -> None:
    items = [
        {"criterion": "a"},
        {"id": "AC-1", "description": "b", "extra": 0.5},
        {"criterion": "old", "description": "new"},
        {"description": None, "criterion": "kept"},
    ]
    created = planned(story(acceptance_criteria=items))[1]
    assert isinstance(created, StoryImported)
    assert msgspec.json.decode(created.acceptance_criteria) == [
        {"criterion": "a"},
        {"id": "AC-1", "criterion": "b", "extra": 0.5},
        {"criterion": "new"},
        {"description": None, "criterion": "kept"},
    ]


def test_an_epic_without_a_position_stands_where_it_is_in_the_payload() -> None:
    body = {"epics": [{"number": n, "title": "t", **more} for n, more in ((5, {}), (3, {"position": 0}), (4, {}))]}
    assert [(event.number, event.position) for event in planned(body) if isinstance(event, EpicCreated)] == [
        (5, 0), (3, 0), (4, 2)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("edge", "kind"),
    [
        ({"story": "1.1", "depends_on": "US-1.2"}, "story_dependencies"),
        ({"story_number": "1.1", "depends_on_story": "1.2"}, "story_dependencies"),
        ({"epic": 1, "depends_on": 2}, "epic_dependencies"),
        ({"epic_number": 1, "depends_on_epic": 2}, "epic_dependencies"),
    ],
)
def test_a_dependency_may_be_written_in_two_ways(edge: Any, kind: str) -> None:
    body = two()
    body["epics"].append({"number": 2, "title": "two"})
    tag = kind.replace("dependencies", "dependency.created")
    *_, event, _ = planned({**body, kind: [edge]})
    assert tag == event.TAG


def test_a_number_in_a_reference_may_be_a_json_integer() -> None:
    stories = [{"number": number, "title": "t"} for number in (1, "2")]
    body = {**epic(stories=stories), "story_dependencies": [{"story": 2, "depends_on": "1"}]}
    assert planned(body)[-2].TAG == "story_dependency.created"


@pytest.mark.parametrize(
    ("said", "agent", "verified"),
    [
        ({}, "pending", "unverified"),
        ({"initial_agent_status": "reported_done"}, "reported_done", "unverified"),
        ({"initial_agent_status": "implementing"}, "pending", "unverified"),
        ({"agent_status": "reported_done", "verified_status": "unverified"}, "reported_done", "unverified"),
        ({"initial_verified_status": "pass"}, "reported_done", "verified"),
        ({"verified_status": "verified", "agent_status": "reported_done"}, "reported_done", "verified"),
        ({"initial_verified_status": "fail"}, "pending", "unverified"),
        ({"verified_status": "rejected"}, "pending", "unverified"),
        ({"initial_verified_status": "fail", "verified_status": "verified"}, "pending", "unverified"),
    ],
)
def test_a_story_comes_in_with_the_status_that_it_may_have(said: Any, agent: str, verified: str) -> None:
    created = planned(story(**said, metadata={"a": 1}))[1]
    assert isinstance(created, StoryImported)
    assert (created.agent_status, created.verified_status) == (agent, verified)
    backfill = {"reason": "imported", "source": "pre_loopctl", "backfilled_at": "2026-03-27T12:00:00Z"}
    marked = {"backfill": backfill} if verified == "verified" else {}
    assert msgspec.json.decode(created.metadata) == {"a": 1, **marked}


def test_who_may_not_confirm_work_may_not_import_it_as_confirmed() -> None:
    found = refused(story(verified_status="verified"), may_verify=False)
    assert found.code == "orchestrator_agent_required"
    assert f"{STORY}.verified_status" in found.message
    found = refused(story(initial_agent_status="reported_done"), may_verify=False)
    assert (found.code, f"{STORY}.initial_agent_status" in found.message) == ("orchestrator_agent_required", True)
    assert planned(story(initial_agent_status="pending"), may_verify=False)


def test_what_says_that_work_is_from_before_is_never_taken_from_an_import() -> None:
    """Went red when it was stored as it came."""
    created = planned(story(metadata={"backfill": {"reason": "forged"}, "a": 1}))[1]
    assert isinstance(created, StoryImported)
    assert msgspec.json.decode(created.metadata) == {"a": 1}


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=12,
)


def broken(valid: Any, path: list[Any], value: Any) -> Any:
    """A copy with one place changed."""
    if not path or not isinstance(valid, dict | list) or not valid:
        return value
    step, *rest = path
    keys = list(valid) if isinstance(valid, dict) else list(range(len(valid)))
    changed = dict(valid) if isinstance(valid, dict) else list(valid)
    key = keys[step % len(keys)]
    changed[key] = broken(changed[key], rest, value)
    return changed


@settings(max_examples=500, suppress_health_check=list(HealthCheck))
@given(path=st.lists(st.integers(0, 9), min_size=1, max_size=6), value=anything)
def test_whatever_stands_in_some_place_is_taken_or_refused_in_words(path: list[Any], value: Any) -> None:
    body = broken({**backlog(2, 4), "epic_dependencies": [{"epic": 2, "depends_on": 1}]}, path, value)
    try:
        events = planned(body)
    except Rejected:
        return
    assert events[-1].TAG == "project.imported"


@pytest.mark.parametrize(
    "statuses", [{}, {"initial_agent_status": "reported_done"}, {"initial_verified_status": "pass"}]
)
def test_every_story_that_comes_in_says_who_has_brought_it(statuses: Any) -> None:
    (imported,) = (each for each in planned(story(**statuses)) if isinstance(each, StoryImported))
    assert (imported.author_agent_id, imported.author_key_id, imported.author_lineage) == (LEA, LEAS_KEY, (LEAS_KEY,))
