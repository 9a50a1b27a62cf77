"""UI test runs: somebody walks through the running application and writes down what is wrong (spec 02, section 9).

They are of a project and of no story, and change nothing about stories.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, assert_never, get_args
from uuid import UUID

from msgspec import Struct, structs

from domain.errors import Invalid
from domain.event import Event, Events, Recorded
from domain.fields import Problems

LONGEST_GUIDE = 1000
LONGEST_NOTES = 5000
LONGEST_LINE = 1000
LONGEST_TEXT = 5000
MOST_FINDINGS = 500
"""Of one run."""

Status = Literal["in_progress", "passed", "failed", "cancelled"]
Outcome = Literal["passed", "failed"]
Severity = Literal["critical", "high", "medium", "low", "blocker", "bug", "enhancement"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
CRITICAL: tuple[Severity, ...] = ("critical", "blocker")
HIGH: tuple[Severity, ...] = ("high", "bug")
"""Two vocabularies, and what is the same in both."""

LINES = ("title", "step", "type", "screenshot_path")
TEXTS = ("steps", "expected", "actual", "description", "console_errors")


class UiTestStarted(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "ui_test_run.started"
    project_id: UUID
    guide_reference: str | None = None
    notes: str | None = None
    started_by_agent_id: UUID | None = None


class UiTestFindingAdded(Event, frozen=True, kw_only=True):
    """``findings_count`` is how many the run has with this one."""

    TAG: ClassVar[str] = "ui_test_run.finding_added"
    project_id: UUID
    finding_id: UUID
    findings_count: int
    severity: Severity
    title: str | None = None
    steps: str | None = None
    expected: str | None = None
    actual: str | None = None
    step: str | None = None
    type: str | None = None
    description: str | None = None
    screenshot_path: str | None = None
    console_errors: str | None = None
    recorded_by_agent_id: UUID | None = None


class UiTestCompleted(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "ui_test_run.completed"
    project_id: UUID
    status: Outcome
    summary: str
    findings_count: int
    critical_count: int
    high_count: int


class UiTestCancelled(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "ui_test_run.cancelled"
    project_id: UUID


UiTestRunEvent = UiTestStarted | UiTestFindingAdded | UiTestCompleted | UiTestCancelled
UI_TEST_RUN_EVENTS = Events[UiTestRunEvent](UiTestRunEvent)


class UiTestRun(Struct, frozen=True, kw_only=True):
    """A run as its events leave it; a row of app.ui_test_run."""

    run_id: UUID
    project_id: UUID
    status: Status
    guide_reference: str | None
    notes: str | None
    summary: str | None
    started_by_agent_id: UUID | None
    findings_count: int
    screenshots_count: int
    critical_count: int
    """Of findings that are critical, or a blocker."""
    high_count: int
    """Of findings that are high, or a bug."""
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    position: int


class NewFinding(Struct, frozen=True, kw_only=True):
    """As the client says it. ``texts`` by the names of LINES and TEXTS."""

    severity: str | None
    texts: Mapping[str, str | None]
    required: Sequence[str] = ()
    agent_id: UUID | None = None


def start_run(
    project_id: UUID, guide_reference: str | None, notes: str | None, agent_id: UUID | None, *, guided: bool
) -> UiTestStarted:
    """``guided`` runs follow a guide, and say which. Raises Invalid."""
    problems = Problems()
    if guided:
        guide: str | None = problems.required("guide_reference", guide_reference, LONGEST_GUIDE)
    else:
        guide = problems.line("guide_reference", guide_reference, LONGEST_GUIDE)
    said = problems.optional("notes", notes, LONGEST_NOTES)
    problems.raise_any()
    return UiTestStarted(project_id=project_id, guide_reference=guide, notes=said, started_by_agent_id=agent_id)


def add_finding(run: UiTestRun, finding_id: UUID, wish: NewFinding) -> UiTestFindingAdded:
    """Raises Invalid."""
    _check_under_way(run)
    problems = Problems()
    severity = next((each for each in SEVERITIES if each == (wish.severity or "low")), None)
    if severity is None:
        problems.one_of("severity", wish.severity, SEVERITIES)
    for name in wish.required:
        if not ((wish.severity if name == "severity" else wish.texts.get(name)) or "").strip():
            problems.add(name, "can't be blank")
    texts: dict[str, Any] = {name: problems.line(name, wish.texts.get(name), LONGEST_LINE) for name in LINES}
    texts |= {name: problems.optional(name, wish.texts.get(name), LONGEST_TEXT) for name in TEXTS}
    if run.findings_count >= MOST_FINDINGS:
        problems.add("findings", f"should have at most {MOST_FINDINGS} item(s): complete the run and start another")
    problems.raise_any()
    return UiTestFindingAdded(
        project_id=run.project_id, finding_id=finding_id, findings_count=run.findings_count + 1,
        severity=severity or "low", recorded_by_agent_id=wish.agent_id, **texts,
    )  # fmt: skip


def complete_run(run: UiTestRun, status: str | None, summary: str | None, *, said: bool) -> UiTestCompleted:
    """``said``: the status must be; otherwise it follows from the findings. Raises Invalid."""
    _check_under_way(run)
    problems = Problems()
    outcome = next((each for each in get_args(Outcome) if each == status), None)
    if status is None and not said:
        outcome = "failed" if run.critical_count or run.high_count else "passed"
    if outcome is None:
        problems.one_of("status", status, get_args(Outcome))
    text = problems.required("summary", summary, LONGEST_TEXT)
    problems.raise_any()
    return UiTestCompleted(
        project_id=run.project_id, status=outcome or "failed", summary=text, findings_count=run.findings_count,
        critical_count=run.critical_count, high_count=run.high_count,
    )  # fmt: skip


def cancel_run(run: UiTestRun) -> UiTestCancelled:
    """Raises Invalid."""
    _check_under_way(run)
    return UiTestCancelled(project_id=run.project_id)


def _check_under_way(run: UiTestRun) -> None:
    if run.status == "in_progress":
        return
    ended = "was cancelled" if run.status == "cancelled" else f"is already completed: {run.status}"
    raise Invalid(f"The run is not in progress: it {ended}. Start another one.", code="ui_test_run_ended")


def evolve_ui_test_run(run: UiTestRun | None, recorded: Recorded) -> UiTestRun | None:
    event = recorded.event
    if not UI_TEST_RUN_EVENTS.has(event):
        return run
    if isinstance(event, UiTestStarted):
        return UiTestRun(
            run_id=recorded.stream.id, project_id=event.project_id, status="in_progress",
            guide_reference=event.guide_reference, notes=event.notes, summary=None,
            started_by_agent_id=event.started_by_agent_id, findings_count=0, screenshots_count=0, critical_count=0,
            high_count=0, created_at=recorded.at, updated_at=recorded.at, completed_at=None,
            position=recorded.position,
        )  # fmt: skip
    if run is None:
        return None
    return structs.replace(run, **_changes(run, recorded, event), updated_at=recorded.at, position=recorded.position)


def _changes(run: UiTestRun, recorded: Recorded, event: UiTestRunEvent) -> dict[str, Any]:
    match event:
        case UiTestFindingAdded():
            return {
                "findings_count": event.findings_count,
                "screenshots_count": run.screenshots_count + (event.screenshot_path is not None),
                "critical_count": run.critical_count + (event.severity in CRITICAL),
                "high_count": run.high_count + (event.severity in HIGH),
            }
        case UiTestCompleted():
            return {"status": event.status, "summary": event.summary, "completed_at": recorded.at}
        case UiTestCancelled():
            return {"status": "cancelled", "completed_at": recorded.at}
        case UiTestStarted():
            return {}
        case _:
            assert_never(event)
