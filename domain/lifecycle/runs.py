"""Verification runs: what somebody outside found by running the reported work (spec 01, section 3.11; decision D30).

Nothing is run here. A run is evidence with a name under it, and never changes whether a story is verified; a tenant may
want a passing one before anybody verifies (`verification_gate`).
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.errors import Invalid
from domain.event import JsonText
from domain.fields import Problems, must_be, must_be_one_of
from domain.lifecycle.events import RunnerType, RunStatus, VerificationRunReported
from domain.story import Story, StoryText
from domain.story_fields import named_items

COMMIT = re.compile("[0-9a-f]{7,64}")
LONGEST_HASH = 200
LONGEST_URL = 2000
LONGEST_RESULTS = 32_768
"""Bytes of all findings as JSON."""
FINDINGS = ("pass", "fail", "error", "skipped")
CLOCK_SKEW = timedelta(seconds=60)


class LastRun(Struct, frozen=True):
    """The newest run of a story: of which report it is, and what was found."""

    report_position: int
    status: str


class Run(Struct, frozen=True, kw_only=True):
    """What the reporter says. ``ac_results`` is by the ac_id of a criterion: a status, or an object that has one."""

    run_id: UUID
    status: str | None
    commit_sha: str | None
    runner_type: str | None = None
    commit_content_hash: str | None = None
    logs_url: str | None = None
    ac_results: Mapping[str, Any] | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    at: datetime
    """When it is reported."""


def reported_run(story: Story, text: StoryText, run: Run) -> dict[str, Any]:
    """The run's part of VerificationRunReported. Raises Invalid."""
    if story.agent_status != "reported_done" or story.report_position is None:
        raise Invalid(
            f"Story {story.number} is {story.agent_status}, not reported_done: a run is of work that was reported.",
            code="story_not_reported_done",
        )
    problems = Problems()
    completed_at = run.completed_at or run.at
    if run.status not in get_args(RunStatus):
        problems.add("status", must_be_one_of(get_args(RunStatus)))
    if (run.runner_type or "manual") not in get_args(RunnerType):
        problems.add("runner_type", must_be_one_of(get_args(RunnerType)))
    if not COMMIT.fullmatch((run.commit_sha or "").strip().lower()):
        problems.add("commit_sha", must_be("a commit: 7 to 64 hexadecimal digits"))
    if run.commit_content_hash is not None and not 0 < len(run.commit_content_hash) <= LONGEST_HASH:
        problems.add("commit_content_hash", f"should be 1 to {LONGEST_HASH} character(s)")
    if run.logs_url is not None and not _is_address(run.logs_url):
        problems.add("logs_url", f"must start with http:// or https:// and have at most {LONGEST_URL} characters")
    if completed_at > run.at + CLOCK_SKEW or (run.started_at is not None and completed_at < run.started_at):
        problems.add("completed_at", "must lie between started_at and now")
    _check_results(problems, text, run)
    problems.raise_any()
    return {
        "run_id": run.run_id,
        "status": run.status,
        "runner_type": run.runner_type or "manual",
        "commit_sha": (run.commit_sha or "").strip().lower(),
        "commit_content_hash": run.commit_content_hash,
        "logs_url": run.logs_url,
        "ac_results": JsonText(msgspec.json.encode(run.ac_results or {}).decode()),
        "started_at": run.started_at,
        "completed_at": completed_at,
        "report_position": story.report_position,
    }


def check_passed(story: Story, run: LastRun | None) -> None:
    """The newest run counts, and only of the report that stands. Raises Invalid."""
    if run is not None and run.report_position == story.report_position and run.status == "pass":
        return
    if run is None or run.report_position != story.report_position:
        found = "there is none of this report"
    else:
        found = f"the newest one says {run.status}"
    raise Invalid(
        f"Cannot verify story {story.number}: this tenant wants a passing verification run, and {found}. "
        "Whoever runs the work reports it with POST /api/v1/stories/:id/verification-runs.",
        code="verification_run_required",
    )


def evolve_last_run(last: LastRun | None, event: object) -> LastRun | None:
    match event:
        case VerificationRunReported():
            return LastRun(event.report_position, event.status)
        case _:
            return last


def _check_results(problems: Problems, text: StoryText, run: Run) -> None:
    results, known = run.ac_results or {}, named_items(text.acceptance_criteria)
    for name, finding in results.items():
        status = finding.get("status") if isinstance(finding, dict) else finding
        if name not in known:
            problems.add(f"ac_results.{name[:64]}", f"the story has no such criterion; it has {_some(known)}")
        elif status not in FINDINGS:
            problems.add(f"ac_results.{name[:64]}", must_be_one_of(FINDINGS))
        elif run.status == "pass" and status in ("fail", "error"):
            problems.add("status", f"cannot be pass: {name[:64]} is {status}")
    if len(msgspec.json.encode(results)) > LONGEST_RESULTS:
        problems.add("ac_results", f"should be at most {LONGEST_RESULTS} byte(s) of JSON")


def _some(known: Mapping[str, Any]) -> str:
    names = list(known)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "") if names else "none"


def _is_address(url: str) -> bool:
    return url.startswith(("http://", "https://")) and len(url) <= LONGEST_URL
