"""`loopctl sync`: what changed there is changed here, and the map is kept beside the source."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.test_importing import fresh, issues

__all__ = ("fresh",)


def rewrite(file: Path, name: str, **members: Any) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("\n".join(json.dumps({**each, **(members if each["id"] == name else {})}) for each in lines))


def synced(shell: Shell, file: Path, *options: str, code: int = 0) -> Any:
    said = shell("sync", str(file), "--from", "beads", *options)
    assert said.code == code, said.err
    return said.json()


def test_a_source_is_imported_read_again_and_changed(fresh: Shell, tmp_path: Path) -> None:
    file = issues(tmp_path)
    place = file.with_name("issues.jsonl.loopctl-sync")
    tried = synced(fresh, file, "--dry-run")
    assert (tried["import"]["stories_created"], place.exists(), fresh.good("stories")["data"]) == (3, False, [])
    first = synced(fresh, file)
    assert (first["import"]["stories_created"], first["map"]) == (3, str(place))
    known = json.loads(place.read_text())
    assert {name: each["number"] for name, each in known["items"].items()} == {
        "kiln-2": "1.1", "kiln-3": "1.2", "kiln-4": "2.1",
    }  # fmt: skip
    before, position = place.read_bytes(), fresh.good("export")["export_metadata"]["position"]
    again = synced(fresh, file)
    assert (again["import"], again["sync"]["created"], again["sync"]["updated"]) == (None, [], [])
    assert (place.read_bytes(), fresh.good("export")["export_metadata"]["position"]) == (before, position), (
        "nothing was written"
    )
    rewrite(file, "kiln-4", title="Door sensor is slow", status="closed")
    changed = synced(fresh, file)
    assert (changed["sync"]["updated"], changed["import"]["stories_updated"]) == (["kiln-4"], 1)
    story = fresh.good("status", "2.1")["story"]
    assert (story["title"], story["agent_status"], story["verified_status"]) == (
        "Door sensor is slow", "pending", "unverified",
    )  # fmt: skip
    claimed = {each["number"] for each in changed["sync"]["claimed_to_be_done_there"]}
    assert claimed == {"1.1", "2.1"}, "a claim, which nobody here has looked at"


def test_an_import_can_be_synced_later(fresh: Shell, tmp_path: Path) -> None:
    file = issues(tmp_path)
    fresh.good("import", str(file), "--from", "beads")
    assert synced(fresh, file)["sync"]["created"] == []
    assert synced(fresh, file)["import"] is None


def test_a_conflict_is_told_with_its_code_and_ends_when_somebody_chooses(fresh: Shell, tmp_path: Path) -> None:
    file = issues(tmp_path)
    synced(fresh, file)
    story = fresh.good("status", "2.1")["story"]["id"]
    fresh.good("api", "PATCH", f"stories/{story}", "--data", '{"title": "Ours"}')
    rewrite(file, "kiln-4", title="Theirs")
    told = synced(fresh, file, code=5)
    (conflict,) = told["sync"]["conflicts"]
    assert (conflict["number"], conflict["member"], conflict["there"], conflict["here"]) == (
        "2.1", "title", "Theirs", "Ours",
    )  # fmt: skip
    people = fresh("sync", str(file), "--from", "beads", "--format", "human")
    assert (people.code, "Conflict: 2.1 (kiln-4), title" in people.err) == (5, True)
    assert fresh.good("status", "2.1")["story"]["title"] == "Ours"
    synced(fresh, file, "--prefer", "theirs")
    assert fresh.good("status", "2.1")["story"]["title"] == "Theirs"
    assert synced(fresh, file)["sync"]["conflicts"] == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"project": "another"}, "is of the project another"),
        ({"source": "github"}, "is of the source github"),
        ({"server": "http://elsewhere"}, "is of the server http://elsewhere"),
        ({"version": 9}, "is of the version 9"),
        ({"items": []}, "is no map of a sync"),
        ({"more": 1}, "is no map of a sync"),
        (None, "is no map of a sync"),
    ],
)
def test_a_map_of_something_else_is_refused_and_nothing_is_sent(
    fresh: Shell, tmp_path: Path, change: Any, told: str
) -> None:
    file = issues(tmp_path)
    place = tmp_path / "map"
    if change is None:
        place.write_text('{"source": ')
    else:
        synced(fresh, file, "--map", str(place))
        place.write_text(json.dumps({**json.loads(place.read_text()), **change}))
    rewrite(file, "kiln-4", title="Changed")
    said = fresh("sync", str(file), "--from", "beads", "--map", str(place))
    assert (said.code, told in said.err) == (2, True)
    assert all(each["title"] != "Changed" for each in fresh.good("stories")["data"])
