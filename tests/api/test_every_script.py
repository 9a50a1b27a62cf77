"""Limits are those of the documents in every script: letters are counted, and bytes only where bytes are said."""

from collections.abc import Mapping
from typing import Any

import pytest

from domain.event import LARGEST_DATA
from domain.fields import LONGEST_DESCRIPTION, LONGEST_NAME, LONGEST_TITLE
from domain.project import LONGEST_MISSION
from domain.skill import LONGEST_PROMPT
from tests.api.work import Client
from tests.contract.test_table import DOCUMENT

LETTERS = ("x", "я", "漢", "\N{PARTY POPPER}")
"""Of one byte to four."""
REST = 2000
"""Bytes of an event for everything but its texts."""


def texts(letter: str, name: str, longest: int) -> tuple[Mapping[str, str], int]:
    """A name of the greatest length, and a description of as many letters as go with it."""
    size = len(letter.encode())
    letters = min(LONGEST_DESCRIPTION, (LARGEST_DATA - REST) // size - longest)
    return {name: letter * longest, "description": letter * letters}, letters


@pytest.mark.parametrize("letter", LETTERS)
async def test_the_longest_texts_are_taken_and_kept_in_every_script(ann: Client, letter: str) -> None:
    """Went red while the length of a text was that of its bytes."""
    project = await ann.project()
    epic = await ann.epic(project)
    named, _ = texts(letter, "name", LONGEST_NAME)
    titled, letters = texts(letter, "title", LONGEST_TITLE)
    mission = {"name": "n", "slug": "mission", "mission": letter * LONGEST_MISSION}
    for path, body in (
        ("/projects", {**named, "slug": "of-letters"}), ("/projects", mission),
        (f"/projects/{project}/epics", {**titled, "number": 7}),
        (f"/epics/{epic}/stories", {**titled, "number": "1.7"}),
    ):  # fmt: skip
        (made,) = (await ann.post(path, body)).json().values()
        assert {name: made[name] for name in body if name != "number"} == {
            name: value for name, value in body.items() if name != "number"
        }
    assert letters == LONGEST_DESCRIPTION if letter == "x" else letters * len(letter.encode()) > LARGEST_DATA // 2
    for name in ("epics", "stories"):
        path = f"/projects/{project}/epics" if name == "epics" else f"/epics/{epic}/stories"
        answer = await ann.post(path, {"number": "8", "title": letter * (LONGEST_TITLE + 1)})
        assert answer.error["details"]["title"] == [f"should be at most {LONGEST_TITLE} character(s)"]


@pytest.mark.parametrize("letter", LETTERS[1:])
async def test_texts_that_are_together_too_long_for_the_log_are_told_the_bytes(ann: Client, letter: str) -> None:
    """The refusal, and the document beforehand."""
    project = await ann.project()
    epic = await ann.epic(project)
    long: Any = {"description": letter * LONGEST_DESCRIPTION}
    for path, body in (
        ("/projects", {"name": "n", "slug": "of-letters", **long}),
        (f"/projects/{project}/epics", {"number": 7, "title": "t", **long}),
        (f"/epics/{epic}/stories", {"number": "1.7", "title": "t", **long}),
        ("/skills", {"name": "long", "prompt_text": letter * LONGEST_PROMPT}),
    ):
        answer = await ann.post(path, body)
        assert (answer.status, answer.error["code"]) == (422, "validation_failed")
        assert f"together more than {LARGEST_DATA} bytes" in answer.error["details"]["body"][0]
        assert "shorter" in answer.error["details"]["body"][0]


def test_the_document_says_both_limits_wherever_it_says_one() -> None:
    """Went red while a description of 50,000 letters was promised in every script."""
    members = [
        (name, said)
        for schema in DOCUMENT["components"]["schemas"].values()
        for name, said in schema.get("properties", {}).items()
        if any(each.get("maxLength") == LONGEST_DESCRIPTION for each in (said, *said.get("oneOf", ())))
    ]
    assert {name for name, _ in members} == {"description", "path", "prompt_text"}
    for _, said in members:
        assert f"{LARGEST_DATA} bytes" in said["description"]
