"""The end of a demo: what happened, one story's history, and the log checked by nobody who wrote it."""

from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.json import encode

from loopctl.cli.demo.course import Course
from loopctl.cli.demo.running import run_ours
from loopctl.cli.exits import Exit
from loopctl.cli.output import cell, note, print_line
from loopctl.cli.settings import Settings
from loopctl.cli.whole_file import answer_file
from loopctl.client import Client, Refused

CHECK_SECONDS = 300
PROVES = (
    "What this proves: every entry of the log is there, in its order and unchanged, under heads signed with the key "
    "above, so that whoever keeps one head notices any later change. And as each step is an entry with the key that "
    "made it, anyone can read from it that no story was reported, reviewed or verified by whoever implemented it."
)

STATES = ("agent_status", "verified_status")


class Ended(Struct, frozen=True):
    """``kept`` is the directory for what stays. ``key`` is the user's."""

    run: str
    server: str
    project_id: str
    key: str
    kept: Path


def tell(client: Client, ended: Ended, course: Course) -> int:
    """The exit code of `log verify`; Exit.BAD as well when somebody confirmed its own work."""
    _summary(course)
    _heard(course)
    _refusals(course)
    _history(client, course)
    code = check_log(client, ended)
    look_around(ended)
    if any(told.what == "let_through" for told in course.refused):
        note("Somebody could confirm its own work: see above.")
        return Exit.BAD
    return code


def look_around(ended: Ended) -> None:
    settings = Settings({"LOOPCTL_CONFIG": str(ended.kept / "config.json")})
    settings.store(server=ended.server, api_key=ended.key, project=ended.run)
    print_line(f"\nLook around: LOOPCTL_CONFIG={settings.file} loopctl status")


def check_story(client: Client, ended: Ended, story_id: str) -> int:
    """Fetches all that the log has of a story, and checks it likewise. The exit code."""
    file = ended.kept / "story.json"
    file.write_bytes(encode(client.get(f"stories/{story_id}/log-proof")["data"]))
    command = ["log", "check-story", str(file), "--vkey", _vkey(client)]
    print_line(f"\n$ loopctl {' '.join(command)}")
    return run_ours("loopctl", *command, seconds=CHECK_SECONDS).returncode


def _summary(course: Course) -> None:
    rate = course.requests / course.seconds
    print_line(f"\n{len(course.verified)} of {course.stories} stories verified in {course.seconds:.1f} s")
    print_line(f"  {course.requests} requests of the agents, {rate:.0f} per second")
    print_line(f"  {len(course.rejected)} rejected once, done again and verified")
    if course.lost is not None and course.came_back_after is not None:
        print_line(
            f"  {course.lost.name} was killed in the middle of story {course.lost.number}; its lease expired, and "
            f"somebody else had the story {course.came_back_after:.1f} s later"
        )


def _heard(course: Course) -> None:
    """What the receiver was told, if there was one."""
    if course.heard:
        count = sum(map(len, course.heard.values()))
        print_line(f"\nThe receiver was told of {count} events, and checked the signature of each:")
        for event, stories in sorted(course.heard.items()):
            print_line(f"  {event:24} {len(stories)}")


def _refusals(course: Course) -> None:
    print_line("\nRefused, though it had the keys for it:")
    for told in course.refused:
        print_line(f"  {told.name}, own story {told.number}: {told.text}")


def _history(client: Client, course: Course) -> None:
    """Of a story that was rejected, or of the first that was verified."""
    id_ = course.rejected[0].story_id if course.rejected else min(course.verified)
    try:
        entries = client.get(f"stories/{id_}/history")["data"]
    except Refused as refused:
        note(f"This server tells no history ({refused.status}).")
        return
    print_line(f"\nThe history of story {client.get(f'stories/{id_}')['story']['number']}:")
    for entry in entries:
        state = " ".join(filter(None, (cell(entry, f"new_state.{name}") for name in STATES)))
        print_line(f"  {entry['inserted_at'][11:23]}  {entry['action']:22} {state:26} {cell(entry, 'actor_label')}")


def check_log(client: Client, ended: Ended) -> int:
    """Exports the log and checks it with a program that knows nothing but the key. Its exit code."""
    ended.kept.mkdir(parents=True, exist_ok=True)
    archive = ended.kept / "log.tar.gz"
    with answer_file(archive) as file:
        client.download("audit/export", file.write)
    vkey = _vkey(client)
    command = ["log", "verify", str(archive), "--vkey", vkey]
    print_line(f"\n$ loopctl {' '.join(command)}")
    done = run_ours("loopctl", *command, seconds=CHECK_SECONDS)
    print_line(f"\n{PROVES}" if done.returncode == 0 else "\nThe log is not good.")
    return done.returncode


def _vkey(client: Client) -> str:
    """The newest. A real auditor has it from somebody else than the server."""
    tenant = client.get("tenants/me")["tenant"]["id"]
    keys: list[dict[str, Any]] = client.get(f"tenants/{tenant}/audit_public_keys")["data"]
    return str(keys[-1]["vkey"])
