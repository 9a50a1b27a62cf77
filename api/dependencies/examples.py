"""Dependencies as the documentation shows them."""

from typing import Any

from api.epics.examples import EPIC, STORY_LINE

DEPENDENT, PREREQUISITE = "0193a2b4-0000-7000-8000-000000000005", "0193a2b4-0000-7000-8000-000000000004"
_EDGE: dict[str, Any] = {
    "id": "0193a2b4-0000-7000-8000-000000000006",
    "tenant_id": "0193a2b4-0000-7000-8000-000000000001",
    "inserted_at": "2026-03-27T12:00:00.000000Z",
}
STORY_DEPENDENCY: dict[str, Any] = {**_EDGE, "story_id": DEPENDENT, "depends_on_story_id": PREREQUISITE}
EPIC_DEPENDENCY: dict[str, Any] = {**_EDGE, "epic_id": DEPENDENT, "depends_on_epic_id": PREREQUISITE}
GRAPH: dict[str, Any] = {
    "epics": [
        {
            **{name: EPIC[name] for name in ("id", "number", "title", "phase", "position")},
            "stories": [{**STORY_LINE, "sort_key": 10020}],
        }
    ],
    "epic_dependencies": [],
    "story_dependencies": [{"from": DEPENDENT, "to": PREREQUISITE}],
}
