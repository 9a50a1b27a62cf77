"""task-master: `.taskmaster/tasks/tasks.json`, with tags or without. A subtask is a story of its own, named 3.1, and
its task waits for it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from loopctl.importers.items import Criterion, Item, Problems, Reading, SourceFile, said, text_of
from loopctl.importers.json_lines import document

NAMES = ("tasks.json",)
DONE = ("done", "completed")
GONE = ("cancelled",)
READ_HERE = frozenset((
    "id", "title", "description", "details", "testStrategy", "status", "dependencies", "priority", "subtasks",
    "parentId", "parentTaskId", "complexity", "complexityScore", "recommendedSubtasks", "updatedAt",
))  # fmt: skip
ONLY_TAG = "master"


def read(files: Sequence[SourceFile]) -> Reading:
    """Raises Unreadable."""
    reading, problems = Reading(), Problems()
    tasks_of = _Tasks(reading, problems)
    for file in files:
        for tag, tasks in _tags(problems, file):
            for row, task in enumerate(tasks):
                tasks_of.add(f"{file.name}: {tag}.tasks[{row}]", tag, task)
    problems.raise_any()
    return reading


def _tags(problems: Problems, file: SourceFile) -> Iterator[tuple[str, Sequence[Any]]]:
    found = document(problems, file)
    if found is None:
        return
    if isinstance(found, dict) and isinstance(found.get("tasks"), list):
        yield ONLY_TAG, found["tasks"]
        return
    tags = found.items() if isinstance(found, dict) else ()
    tagged = [
        (name, each["tasks"]) for name, each in tags if isinstance(each, dict) and isinstance(each.get("tasks"), list)
    ]
    if not tagged:
        problems.add(file.name, 'has no tasks: neither {"tasks": […]} nor {"master": {"tasks": […]}}')
    yield from tagged


class _Tasks(Struct, frozen=True):
    reading: Reading
    problems: Problems

    def add(self, place: str, tag: str, task: Any) -> None:
        number = _id(task)
        if number is None:
            self.problems.add(place, "is no task with an id")
            return
        found = task.get("subtasks")
        own, subtasks = _named(tag, number), []
        for row, each in enumerate(found if isinstance(found, list) else []):
            inner, where = _id(each), f"{place}.subtasks[{row}]"
            if inner is None:
                self.problems.add(where, "is no subtask with an id")
                continue
            name = _named(tag, inner if "." in inner else f"{number}.{inner}")
            # A plain number is a sister's. The task itself waits for it already.
            waits = [_named(tag, other if "." in other else f"{number}.{other}") for other in _numbers(each)]
            links = {"group": tag, "waits_for": [other for other in waits if other != own]}
            if item := self._item(where, name, {**each, "parentId": own}, links):
                subtasks.append(item.external_id)
        waits = [_named(tag, other) for other in _numbers(task)]
        self._item(place, own, task, {"group": tag, "waits_for": [*waits, *subtasks]})

    def _item(self, place: str, name: str, task: Mapping[str, Any], links: Mapping[str, Any]) -> Item | None:
        title, status = text_of(task.get("title")), text_of(task.get("status"))
        if not title:
            self.problems.add(place, "has no title")
            return None
        if status in GONE:
            self.reading.skipped.append(f"{place}: {name} was cancelled")
            return None
        self.reading.no_place.update(member for member in task if member not in READ_HERE)
        parts = [text_of(task.get(member)) for member in ("description", "details")]
        strategy = text_of(task.get("testStrategy"))
        item = Item(
            place=place, external_id=name, title=title, description="\n\n".join(filter(None, parts)),
            criteria=[Criterion(strategy)] if strategy else [], status=status, claimed_done=status in DONE, **links,
            kept=said(
                priority=text_of(task.get("priority")), parent=text_of(task.get("parentId")),
                updated_at=text_of(task.get("updatedAt")),
                complexity=task.get("complexityScore", task.get("complexity")),
            ),
        )  # fmt: skip
        self.reading.items.append(item)
        return item


def _id(task: Any) -> str | None:
    return text_of(task.get("id")) or None if isinstance(task, dict) else None


def _numbers(task: Mapping[str, Any]) -> list[str]:
    given = task.get("dependencies")
    return [text for each in (given if isinstance(given, list) else []) if (text := text_of(each))]


def _named(tag: str, number: str) -> str:
    """The same number stands in several tags."""
    return number if tag == ONLY_TAG else f"{tag}:{number}"
