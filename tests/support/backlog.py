"""A made-up backlog of the size and shape of a real one: epics, stories with criteria, dependencies, all by number."""

from random import Random
from typing import Any

WORDS = (
    "account", "agent", "budget", "contract", "dashboard", "event", "export", "history", "import", "invoice", "key",
    "lease", "log", "page", "project", "queue", "report", "review", "role", "search", "session", "story", "tenant",
    "token", "webhook",
)  # fmt: skip
BINDINGS: tuple[dict[str, Any], ...] = (
    {"type": "test", "path": "tests/test_it.py", "test_name": "test_it"},
    {"type": "code", "path": "src/it.py", "line_range": [10, 20], "pattern": "def it"},
    {"type": "route", "method": "GET", "path": "/api/v1/it"},
    {"type": "manual", "description": "somebody looks at it"},
)


def backlog(epics: int, stories: int, seed: int = 1) -> dict[str, Any]:
    """An import with ``stories`` stories in all. Each waits for up to two of those before it: no cycles."""
    random = Random(seed)
    made = [_epic(random, number + 1) for number in range(epics)]
    numbers = []
    for place in range(stories):
        epic = made[place * epics // stories]
        number = f"{epic['number']}.{len(epic['stories']) + 1}"
        epic["stories"].append(_story(random, number))
        numbers.append(number)
    edges = {
        (number, random.choice(numbers[max(0, place - 60) : place]))
        for place, number in enumerate(numbers)
        if place
        for _ in range(random.randint(0, 2))
    }
    return {
        "epics": made,
        "story_dependencies": [{"story": one, "depends_on": other} for one, other in sorted(edges)],
        "epic_dependencies": [{"epic": number, "depends_on": number - 1} for number in range(2, epics + 1, 3)],
    }


def _epic(random: Random, number: int) -> dict[str, Any]:
    return {
        "number": number,
        "title": _phrase(random, 3).title(),
        "description": _phrase(random, 30),
        "phase": random.choice(("foundation", "core", "polish")),
        "position": number,
        "metadata": {"weight": number / 4},
        "stories": [],
    }


def _story(random: Random, number: str) -> dict[str, Any]:
    return {
        "number": number,
        "title": _phrase(random, 5).capitalize(),
        "description": _phrase(random, 40),
        "acceptance_criteria": [_criterion(random, number, place) for place in range(1, random.randint(2, 5))],
        "estimated_hours": random.randint(1, 64) / 4,
        "metadata": {"priority": random.choice(("high", "low")), "risk": random.randint(0, 100) / 100},
    }


def _criterion(random: Random, story: str, place: int) -> dict[str, Any]:
    return {
        "id": f"AC-{story}.{place}",
        "description": _phrase(random, 12),
        "verification_criterion": random.choice(BINDINGS),
    }


def _phrase(random: Random, words: int) -> str:
    return " ".join(random.choice(WORDS) for _ in range(words))
