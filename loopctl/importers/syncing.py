"""What a source has changed since it was read last, what the project has, and where the two meet.

Of each member of a story two hashes are remembered: of what the source said, and of what the project then had. A member
that has changed on one side only is taken from it; one that has changed on both is a conflict, and stays as it is here
until somebody says whose word counts.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal

from msgspec import Struct, field, structs
from msgspec.json import encode

from loopctl.importers.building import Built
from loopctl.importers.details import MEMBERS as DETAILS
from loopctl.importers.items import Item, Reading
from loopctl.importers.known import Known, KnownStory

MEMBERS = ("title", "description", "acceptance_criteria", "estimated_hours", *DETAILS, "external")
EMPTY: Mapping[str, Any] = {
    "external_times": {}, "labels": [], "assignee": "", "claimed_criteria": [], "parent": "",
}  # fmt: skip
"""Of a story; an epic has some of them. ``external`` is what the source's own members are kept in."""
SHOWN = 200
Prefer = Literal["theirs", "ours"]


class Base(Struct, forbid_unknown_fields=True):
    """Hashes by member, of when the two sides agreed last."""

    number: str
    there: dict[str, str] = {}
    here: dict[str, str] = {}


class SyncMap(Struct, forbid_unknown_fields=True):
    """Kept beside the source. ``items`` by external id, epics under the keys that they were made under; ``edges`` are
    numbers of dependent and prerequisite."""

    source: str
    server: str
    project: str
    items: dict[str, Base] = {}
    epics: dict[str, Base] = {}
    edges: list[tuple[str, str]] = []
    version: int = 1


class Conflict(Struct, frozen=True):
    external_id: str
    number: str
    member: str
    there: Any
    here: Any


class Synced(Struct):
    """What is to be sent, and what is to be told. ``gone_there`` is in the project and no longer in the source,
    ``gone_here`` the other way round."""

    payload: dict[str, Any]
    places: dict[str, str] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    kept_here: list[str] = field(default_factory=list)
    gone_there: list[str] = field(default_factory=list)
    gone_here: list[str] = field(default_factory=list)
    settled: set[tuple[str, str]] = field(default_factory=set)
    """External id and member on which the two sides agree after this."""


def without_gone(
    reading: Reading, known: Known, base: SyncMap, exported: Mapping[str, Any]
) -> tuple[Reading, list[str]]:
    """What was deleted here since is not made again; which items that are."""
    there = {story["number"] for epic in exported["epics"] for story in epic["stories"]}
    gone = {
        name for name, each in base.items.items() if each.number not in there and name not in known.stories
    }  # fmt: skip
    items = [item for item in reading.items if item.external_id not in gone]
    named = [item.external_id for item in reading.items if item.external_id in gone]
    return structs.replace(reading, items=items), named


def found_again(known: Known, base: SyncMap, exported: Mapping[str, Any]) -> Known:
    """With the stories whose metadata do not say any more which item they are of."""
    by_number = {story["number"]: (epic, story) for epic in exported["epics"] for story in epic["stories"]}
    taken = {story.number for story in known.stories.values()}
    stories = dict(known.stories)
    for name, each in base.items.items():
        if name not in stories and each.number in by_number and each.number not in taken:
            epic, story = by_number[each.number]
            stories[name] = KnownStory(
                number=story["number"], epic=epic["number"], verified=story["verified_status"] == "verified",
                title=story["title"], criteria=story["acceptance_criteria"], metadata=story["metadata"],
            )  # fmt: skip
    return structs.replace(known, stories=stories)


def compare(built: Built, exported: Mapping[str, Any], base: SyncMap, prefer: Prefer | None = None) -> Synced:
    names = {number: name for name, number in built.numbers.items()}
    here = {story["number"]: story for epic in exported["epics"] for story in epic["stories"]}
    epics_here = {str(epic["number"]): epic for epic in exported["epics"]}
    found = Synced({})
    comparing = _Comparing(found, prefer)
    epics: list[dict[str, Any]] = []
    for row, epic in enumerate(built.payload["epics"]):
        stories: list[dict[str, Any]] = []
        for place, story in enumerate(epic["stories"]):
            name = names[story["number"]]
            if sent := comparing.member(name, story, here.get(story["number"]), base.items.get(name)):
                found.places[f"epics[{len(epics)}].stories[{len(stories)}]"] = built.places.get(
                    f"epics[{row}].stories[{place}]", ""
                )
                stories.append(sent)
        head = {member: value for member, value in epic.items() if member != "stories"}
        number = str(epic["number"])
        changed = comparing.member(f"epic {number}", head, epics_here.get(number), base.epics.get(number))
        if changed or stories:
            epics.append({**(changed or {"number": epic["number"]}), "stories": stories})
    found.gone_there = [name for name in base.items if name not in built.numbers and base.items[name].number in here]
    found.payload = {"epics": epics, **_edges(built, exported, base, found)}
    return found


class _Comparing(Struct):
    found: Synced
    prefer: Prefer | None

    def member(
        self, name: str, said: Mapping[str, Any], here: Mapping[str, Any] | None, base: Base | None
    ) -> dict[str, Any] | None:
        """What is to be sent of it: all of it when it is new, None when there is nothing."""
        if here is None:
            self.found.created.append(name)
            self.found.settled |= {(name, each) for each in MEMBERS}
            return dict(said)
        said = {**_cleared(said, base), **said}
        sent = {each for each in MEMBERS if _has(said, each) and self._is_sent(name, each, said, here, base)}
        if not sent:
            self.found.unchanged += 1
            return None
        self.found.updated.append(name)
        wanted = {"metadata" if each == "external" else each for each in sent}
        return {each: value for each, value in said.items() if each in wanted or each == "number"}

    def _is_sent(
        self, name: str, member: str, said: Mapping[str, Any], here: Mapping[str, Any], base: Base | None
    ) -> bool:
        values = _value(said, member), _value(here, member)
        # Nearly all of them: of these nothing has to be hashed.
        if (values[0] or None) == (values[1] or None):
            self.found.settled.add((name, member))
            return False
        there, now = map(digest, values)
        if base is None or member not in base.there or member not in base.here:
            self.found.settled.add((name, member))
            return True
        changed_there, changed_here = there != base.there[member], now != base.here[member]
        if changed_there and changed_here and self.prefer is None:
            self.found.conflicts.append(Conflict(name, str(said["number"]), member, *map(_short, values)))
            return False
        if changed_here and (not changed_there or self.prefer == "ours"):
            self.found.kept_here.append(f"{said['number']} {member}")
            if changed_there:
                self.found.settled.add((name, member))
            return False
        self.found.settled.add((name, member))
        return changed_there


def _cleared(said: Mapping[str, Any], base: Base | None) -> dict[str, Any]:
    """Members that the source said when it was read last, and no longer does."""
    before = base.there if base else {}
    return {each: empty for each, empty in EMPTY.items() if each not in said and before.get(each, NOTHING) != NOTHING}


def _edges(built: Built, exported: Mapping[str, Any], base: SyncMap, found: Synced) -> dict[str, Any]:
    """Only those that are new there: what was taken away here stays away, and nothing is taken away from here."""
    known = {tuple(each) for each in base.edges}
    sent = {}
    for kind, (one, other) in KINDS.items():
        here = {(str(each[one]), str(each[other])) for each in exported[kind]}
        said = [(str(each[one]), str(each[other])) for each in built.payload[kind]]
        sent[kind] = [
            each for each, edge in zip(built.payload[kind], said, strict=True) if edge not in here | known
        ]  # fmt: skip
        found.kept_here += [f"{a} does not wait for {b}" for a, b in said if (a, b) in known - here]
        found.gone_there += [
            f"{a} waits for {b}" for a, b in sorted(known & here - set(said)) if ("." in a) == (one == "story")
        ]
    return sent


KINDS = {"story_dependencies": ("story", "depends_on"), "epic_dependencies": ("epic", "depends_on")}


def next_map(base: SyncMap, built: Built, found: Synced, exported: Mapping[str, Any]) -> SyncMap:
    """``exported`` is the project as it is after the change. What the two sides do not agree on keeps its hashes."""
    names = {number: name for name, number in built.numbers.items()}
    here = {story["number"]: story for epic in exported["epics"] for story in epic["stories"]}
    epics_here = {str(epic["number"]): epic for epic in exported["epics"]}
    items, epics = dict(base.items), dict(base.epics)
    for epic in built.payload["epics"]:
        number = str(epic["number"])
        if number in epics_here:
            epics[number] = _agreed(f"epic {number}", epic, epics_here[number], epics.get(number), found)
        for story in epic["stories"]:
            name = names[story["number"]]
            if story["number"] in here:
                items[name] = _agreed(name, story, here[story["number"]], items.get(name), found)
    edges = {tuple(each) for each in base.edges} | {
        (str(each[one]), str(each[other])) for kind, (one, other) in KINDS.items() for each in built.payload[kind]
    }
    return structs.replace(base, items=items, epics=epics, edges=sorted(edges))


def _agreed(name: str, said: Mapping[str, Any], here: Mapping[str, Any], base: Base | None, found: Synced) -> Base:
    before = base or Base(str(said["number"]))
    said = {**_cleared(said, base), **said}
    there, now = dict(before.there), dict(before.here)
    for member in MEMBERS:
        if _has(said, member) and (name, member) in found.settled:
            theirs, ours = _value(said, member), _value(here, member)
            there[member] = digest(theirs)
            now[member] = there[member] if (theirs or None) == (ours or None) else digest(ours)
    return Base(str(said["number"]), there, now)


def claims(items: Sequence[Item], numbers: Mapping[str, str], exported: Mapping[str, Any]) -> list[dict[str, str]]:
    """What is called done there and is not verified here: somebody else still has to look."""
    here = {story["number"]: story for epic in exported["epics"] for story in epic["stories"]}
    return [
        {"external_id": item.external_id, "number": number, "agent_status": story["agent_status"]}
        for item in items
        if item.claimed_done
        and (story := here.get(number := numbers.get(item.external_id, "")))
        and story["verified_status"] != "verified"
    ]


def digest(value: Any) -> str:
    """Of a value as JSON: members in any order are the same, and an empty value is one that is not there."""
    return sha256(encode(value or None, order="deterministic")).hexdigest()[:24]


NOTHING = digest(None)


def _has(said: Mapping[str, Any], member: str) -> bool:
    return ("metadata" if member == "external" else member) in said


def _value(said: Mapping[str, Any], member: str) -> Any:
    if member == "external":
        return (said.get("metadata") or {}).get("external")
    value = said.get(member)
    return float(value) if member == "estimated_hours" and value is not None else value


def _short(value: Any) -> Any:
    return value if not isinstance(value, str) or len(value) <= SHOWN else value[: SHOWN - 1] + "…"
