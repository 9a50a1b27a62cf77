"""A field of a story that is added reaches every place that writes one."""

import re

from domain.story import Story
from tests.support.database import TestDatabase, session

SOURCE = "SELECT prosrc FROM pg_proc WHERE proname = 'commit_moves' AND pronamespace = 'app'::regnamespace"

NEVER_MOVED = {
    "story_id", "project_id", "epic_id", "number", "major", "minor", "title", "ac_count", "criteria_hash",
    "estimated_hours", "revision", "created_at", "priority", "external_source", "external_id",
}  # fmt: skip
"""A transition does not change these; edits of a story go the general way, which is made from the fields."""


async def test_the_call_that_writes_transitions_writes_every_field_of_a_story(database: TestDatabase) -> None:
    """Went red when the column worked_links was left out of it."""
    async with session(database.admin_url) as connection:
        source = await connection.fetchval(SOURCE)
    inserted = re.search(r"INSERT INTO app\.story AS t \((.*?)\)", source, re.DOTALL)
    changed = re.search(r"INSERT INTO app\.story AS t.*?DO UPDATE(.*?);", source, re.DOTALL)
    assert inserted is not None
    assert changed is not None
    fields = set(Story.__struct_fields__)
    assert set(re.findall(r"\w+", inserted[1])) == fields | {"tenant_id"}
    assert set(re.findall(r"(\w+) = excluded\.", changed[1])) == fields - NEVER_MOVED
