"""The JSON Schema of an import and the reading of one say the same: what the one takes the other takes.

No database and no HTTP. What no schema can say (numbers that are there twice, references to nothing, cycles) has codes
of its own. The page's examples are of this form.
"""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api.transfer.form import import_schema
from api.transfer.schemas import ImportBody
from domain.errors import Rejected
from domain.importing.payload import read_payload
from domain.importing.plan import ImportWish, ProjectContents, most_new, plan_import
from tests.domain.lifecycle.making import lea
from tests.domain.test_importing import NOON, broken
from tests.support.backlog import backlog

SCHEMA = import_schema()
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
ACROSS = {"import_invalid", "cycle_detected", "cross_level_deadlock"}
"""Codes of what is wrong between parts of an import."""


def taken(body: Any) -> bool:
    """By the server, but for what is wrong between parts."""
    try:
        payload = read_payload(msgspec.json.decode(msgspec.json.encode(body), type=ImportBody).given())
        ids = [UUID(int=number) for number in range(1, most_new(payload) + 1)]
        wish = ImportWish(
            project_id=UUID(int=1), payload=payload, merge=False, ids=ids, may_verify=True, importer=lea, at=NOON
        )
        plan_import(wish, ProjectContents())
    except msgspec.ValidationError:
        return False
    except Rejected as error:
        return error.code in ACROSS and error.facts.get("details") != {"epics": ["is empty"]}
    return True


WHOLE: dict[str, Any] = {
    **backlog(2, 4),
    "epic_dependencies": [{"epic": 2, "depends_on": 1}, {"epic_number": 2, "depends_on_epic": 1}],
    "project": {"name": "x", "slug": "y"}, "export_metadata": {"position": 3}, "merge": False, "dry_run": None,
    "if_position": 3,
}  # fmt: skip
WHOLE["epics"][0] |= {"number": "1", "phase": "p", "position": 3, "metadata": {"a": 1}, "description": "d"}
WHOLE["epics"][0]["stories"][0] |= {
    "estimated_hours": "2.50", "initial_agent_status": "reported_done", "verified_status": "verified",
    "metadata": {"a": []}, "assigned_at": 7, "acceptance_criteria": [
        {"criterion": "c", "verification_criterion": {"type": "manual", "description": "look"}}
    ],
}  # fmt: skip
OF_EPIC, OF_STORY = [*WHOLE["epics"][0]], [*WHOLE["epics"][0]["stories"][0]]
NAMES = [
    "epics", "number", "title", "stories", "acceptance_criteria", "criterion", "description", "id", "position",
    "verification_criterion", "type", "estimated_hours", "metadata", "initial_agent_status", "story", "depends_on",
    "agent_status", "verified_status", "story_number", "depends_on_epic", "if_position", "merge", "labels",
]  # fmt: skip
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**33), 2**33)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | st.text(max_size=6)
    | st.sampled_from(["1", "1.2", "US-3.4", " 7 ", "pass", "rejected", "manual", "true", "12345.1", "0", "-1", "1e3"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=st.lists(st.integers(0, 20), min_size=1, max_size=7), value=anything)
@example(path=[0, 0, 1], value="x" * 501)
@example(path=[0, 0, 1], value=" " * 600 + "x")
@example(path=[0, 0, 1], value="\x1c\x85")
@example(path=[0, 0, 0], value="0000000001")
@example(path=[0, 0, 0], value=2**31)
@example(path=[0, 0, OF_EPIC.index("description")], value="x" * 50_001)
@example(path=[0, 0, OF_EPIC.index("description")], value="x" * 50_000)
@example(path=[0, 0, OF_EPIC.index("phase")], value="x" * 256)
@example(path=[0, 0, OF_EPIC.index("stories"), 0, OF_STORY.index("description")], value="x" * 50_001)
@example(path=[0, 0, OF_EPIC.index("stories"), 0, OF_STORY.index("title")], value="x" * 501)
def test_what_the_schema_takes_the_server_takes_and_what_it_refuses_is_refused(path: list[int], value: Any) -> None:
    """Goes red when a limit, a type or a name is changed in one of the two: the control below."""
    body = broken(WHOLE, path, value)
    assert VALIDATOR.is_valid(body) == taken(body), body


def test_a_schema_that_says_something_else_is_found_out() -> None:
    """The control: with another longest title the two differ."""
    text = msgspec.json.encode(SCHEMA).decode().replace("{0,498}", "{0,98}")
    body = {"epics": [{"number": 1, "title": "x" * 200}]}
    assert taken(body)
    assert VALIDATOR.is_valid(body)
    assert not jsonschema_rs.validator_for(msgspec.json.decode(text)).is_valid(body)


@pytest.mark.parametrize(
    "body", [WHOLE, {}, {"epics": []}, {"stories": []}, {"epics": None}, {"epics": [{"number": 1, "title": "t"}]}]
)
def test_the_two_agree_on_whole_imports(body: Any) -> None:
    assert VALIDATOR.is_valid(body) == taken(body)


def test_the_page_s_examples_are_imports() -> None:
    blocks = re.findall(r"```json\n(.*?)```", Path("docs/import.md").read_text(), re.DOTALL)
    bodies = [body for body in map(msgspec.json.decode, blocks) if "epics" in body]
    assert bodies
    assert all(VALIDATOR.is_valid(body) and taken(body) for body in bodies)


def test_the_schema_beside_the_page_is_the_one_that_is_made_from_the_types() -> None:
    """After a change: .venv/bin/python -m tests.contract.snapshot"""
    assert msgspec.json.decode(Path("docs/import.schema.json").read_bytes()) == SCHEMA
