"""UI test runs on the wire, in the two forms that clients know (spec 02, section 9)."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from api.pages import PageQuery
from api.projects.schemas import Text
from api.times import wire_time
from domain.ui_test_run import LINES, TEXTS, NewFinding, Status, UiTestRun
from projections.rows.ui_test_runs import Finding


class Form(Struct, frozen=True, kw_only=True):
    """What is different between the two: the member of the answer, the word for a run that is under way, and what must
    be said."""

    envelope: str
    under_way: str
    guided: bool
    """A run follows a guide; its outcome is said when it is completed."""
    required: Sequence[str]
    """Of a finding."""


GUIDED = Form(envelope="ui_test_run", under_way="in_progress", guided=True, required=())
FREE = Form(envelope="data", under_way="running", guided=False, required=("severity", "title"))


class StartUiTestBody(Struct, frozen=True, kw_only=True):
    guide_reference: Text | None = None
    notes: Text | None = None


class StartGuidedUiTestBody(StartUiTestBody, frozen=True, kw_only=True):
    """``guide_reference`` must be there."""


class UiTestFindingBody(Struct, frozen=True, kw_only=True):
    severity: Text | None = None
    title: Text | None = None
    steps: Text | None = None
    expected: Text | None = None
    actual: Text | None = None
    step: Text | None = None
    type: Text | None = None
    description: Text | None = None
    screenshot_path: Text | None = None
    console_errors: Text | None = None

    def wish(self, form: Form, agent_id: UUID | None) -> NewFinding:
        texts = {name: getattr(self, name) for name in (*LINES, *TEXTS)}
        return NewFinding(severity=self.severity or None, texts=texts, required=form.required, agent_id=agent_id)


class UiFindingBody(UiTestFindingBody, frozen=True, kw_only=True):
    """``severity`` and ``title`` must be there."""


class CompleteUiTestBody(Struct, frozen=True, kw_only=True):
    """Without a status it is failed when a finding is critical, high, a blocker or a bug."""

    status: Text | None = None
    summary: Text | None = None


class CompleteGuidedUiTestBody(CompleteUiTestBody, frozen=True, kw_only=True):
    """``status`` must be there."""


class GuidedUiTestsQuery(PageQuery, frozen=True, kw_only=True):
    status: Annotated[Status, Meta(description="Only these.")] | UnsetType = UNSET


class UiTestRunsQuery(PageQuery, frozen=True, kw_only=True):
    status: (
        Annotated[Literal["running", "passed", "failed", "cancelled"], Meta(description="Only these.")] | UnsetType
    ) = UNSET


def listed_body(form: Form, tenant_id: UUID, run: UiTestRun) -> dict[str, Any]:
    return {
        "id": run.run_id,
        "tenant_id": tenant_id,
        "project_id": run.project_id,
        "started_by_agent_id": run.started_by_agent_id,
        "status": form.under_way if run.status == "in_progress" else run.status,
        "guide_reference": run.guide_reference,
        "notes": run.notes,
        "summary": run.summary,
        "findings_count": run.findings_count,
        "screenshots_count": run.screenshots_count,
        "critical_count": run.critical_count,
        "high_count": run.high_count,
        "started_at": wire_time(run.created_at),
        "completed_at": wire_time(run.completed_at),
        "inserted_at": wire_time(run.created_at),
        "updated_at": wire_time(run.updated_at),
    }


def run_body(form: Form, tenant_id: UUID, run: UiTestRun, findings: Sequence[Finding]) -> dict[str, Any]:
    whole = {**listed_body(form, tenant_id, run), "findings": [_finding_body(each) for each in findings]}
    return {form.envelope: whole}


def _finding_body(finding: Finding) -> dict[str, Any]:
    """What was not said is left out."""
    said = {name: finding[name] for name in ("title", "steps", "expected", "actual", "step", "type", "description")}
    said |= {name: finding[name] for name in ("screenshot_path", "console_errors")}
    return {
        "id": finding["finding_id"],
        "severity": finding["severity"],
        **{name: value for name, value in said.items() if value is not None},
        "recorded_by_agent_id": finding["recorded_by_agent_id"],
        "recorded_at": wire_time(finding["recorded_at"]),
    }
