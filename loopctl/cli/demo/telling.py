"""The end of a demo: what happened, one story's history, and the log checked by nobody who wrote it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from msgspec import Struct

from loopctl.cli.demo.course import Course
from loopctl.cli.output import cell, note, print_line
from loopctl.cli.settings import Settings
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
    """The exit code of `log verify`."""
    _summary(course)
    _refusals(course)
    _history(client, course)
    code = _check(client, ended)
    settings = Settings({"LOOPCTL_CONFIG": str(ended.kept / "config.json")})
    settings.store(server=ended.server, api_key=ended.key, project=ended.run)
    print_line(f"\nLook around: LOOPCTL_CONFIG={settings.file} loopctl status")
    return code


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


def _check(client: Client, ended: Ended) -> int:
    ended.kept.mkdir(parents=True, exist_ok=True)
    archive = ended.kept / "log.tar.gz"
    with archive.open("wb") as file:
        client.download("audit/export", file.write)
    vkey = _vkey(client)
    command = ["log", "verify", str(archive), "--vkey", vkey]
    print_line(f"\n$ loopctl {' '.join(command)}")
    done = subprocess.run(  # noqa: S603  # our own module, no shell
        [sys.executable, "-m", "loopctl", *command], timeout=CHECK_SECONDS, check=False
    )
    print_line(f"\n{PROVES}" if done.returncode == 0 else "\nThe log is not good.")
    return done.returncode


def _vkey(client: Client) -> str:
    """The newest. A real auditor has it from somebody else than the server."""
    tenant = client.get("tenants/me")["tenant"]["id"]
    keys: list[dict[str, Any]] = client.get(f"tenants/{tenant}/audit_public_keys")["data"]
    return str(keys[-1]["vkey"])
