"""Bodies of the lifecycle (spec 01, sections 3.5 to 3.7). Unknown members are ignored; null means: not said."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from api.times import wire_time
from domain.errors import Invalid
from domain.event import JsonText
from domain.lifecycle.implementer import Hold
from domain.usage import Usage

Text = Annotated[str, Meta(max_length=65_536)]
Object = Annotated[dict[str, Any], Meta(max_length=64)]
MOST_IN_BULK = 50


class HoldBody(Struct, frozen=True, kw_only=True):
    """``lease_seconds`` puts a time limit on a claim; ``fencing_token`` says which claim the caller thinks it holds."""

    lease_seconds: int | None = None
    fencing_token: int | None = None
    cap_id: Text | None = None
    """Of a capability token. None are issued yet, so that one that is presented is refused."""

    def hold(self) -> Hold:
        return Hold(lease_seconds=self.lease_seconds, fencing_token=self.fencing_token)


class ContractBody(Struct, frozen=True, kw_only=True):
    story_title: Text | None = None
    ac_count: int | None = None
    skip_contract_check: bool = False


class ArtifactBody(Struct, frozen=True, kw_only=True):
    artifact_type: Text | None = None
    path: Text | None = None
    exists: bool | None = None
    details: Object | None = None


class UsageBody(Struct, frozen=True, kw_only=True):
    model_name: Text | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_millicents: int | None = None
    phase: Text | None = None
    session_id: Text | None = None
    skill_version_id: UUID | None = None
    metadata: Object | None = None
    tool_call_count: int | None = None
    cot_length_tokens: int | None = None
    tests_run_count: int | None = None
    agent_id: UUID | None = None
    """Whose work it was; default the caller's."""

    def usage(self) -> Usage:
        said = {name: getattr(self, name) for name in Usage.__struct_fields__}
        return Usage(**{**said, "metadata": json_text(self.metadata)})


class ReportBody(Struct, frozen=True, kw_only=True):
    artifact: ArtifactBody | None = None
    token_usage: UsageBody | None = None
    cap_id: Text | None = None


class ReviewBody(Struct, frozen=True, kw_only=True):
    review_type: Text | None = None
    findings_count: int | None = None
    fixes_count: int | None = None
    disproved_count: int | None = None
    summary: Text | None = None
    completed_at: Annotated[datetime, Meta(tz=True)] | None = None
    cap_id: Text | None = None


class VerifyBody(Struct, frozen=True, kw_only=True):
    review_type: Text | None = None
    summary: Text | None = None
    result: Text | None = None
    findings: Object | None = None
    commit_sha: Text | None = None
    cap_id: Text | None = None


class RejectBody(Struct, frozen=True, kw_only=True):
    reason: Text | None = None
    findings: Object | None = None
    review_type: Text | None = None
    cap_id: Text | None = None


class ForceUnclaimBody(Struct, frozen=True, kw_only=True):
    reason: Text | None = None


class BackfillBody(Struct, frozen=True, kw_only=True):
    reason: Text | None = None
    evidence_url: Text | None = None
    pr_number: int | Text | None = None

    def pull_request(self) -> int | None:
        """A positive integer or its digits. Raises Invalid."""
        if self.pr_number is None or isinstance(self.pr_number, int):
            return self.pr_number
        if not self.pr_number.isascii() or not self.pr_number.isdigit() or len(self.pr_number) > 15:
            raise Invalid(pr_number="is invalid")
        return int(self.pr_number)


class NextClaimBody(Struct, frozen=True, kw_only=True):
    project_id: Text | None = None
    lease_seconds: int | None = None


class BulkClaimBody(Struct, frozen=True, kw_only=True):
    story_ids: Any = None


class BulkBody(Struct, frozen=True, kw_only=True):
    stories: Any = None


def json_text(value: dict[str, Any] | None) -> JsonText:
    return JsonText(msgspec.json.encode(value or {}).decode())


def refuse_capability(cap_id: str | None) -> None:
    """What cannot be checked is refused. Raises Rejected."""
    if cap_id is not None:
        raise Invalid("Capability tokens are not issued by this version.", code="cap_rejected")


def review_body(tenant_id: UUID, row: Any) -> dict[str, Any]:
    return {
        "id": row["review_id"],
        "tenant_id": tenant_id,
        "story_id": row["story_id"],
        **{
            name: row[name]
            for name in (
                "reviewer_agent_id",
                "review_type",
                "findings_count",
                "fixes_count",
                "disproved_count",
                "summary",
            )
        },
        "completed_at": wire_time(row["completed_at"]),
        "inserted_at": wire_time(row["created_at"]),
        "updated_at": wire_time(row["created_at"]),
    }


def verification_body(tenant_id: UUID, row: Any) -> dict[str, Any]:
    return {
        "id": row["verification_id"],
        "tenant_id": tenant_id,
        "story_id": row["story_id"],
        **{name: row[name] for name in ("orchestrator_agent_id", "result", "summary", "review_type", "iteration")},
        "findings": msgspec.Raw(row["findings"].encode()),
        "inserted_at": wire_time(row["created_at"]),
        "updated_at": wire_time(row["created_at"]),
    }


def artifact_body(tenant_id: UUID, row: Any) -> dict[str, Any]:
    return {
        "id": row["artifact_id"],
        "tenant_id": tenant_id,
        "story_id": row["story_id"],
        **{name: row[name] for name in ("reported_by", "reporter_agent_id", "artifact_type", "path", "exists")},
        "details": msgspec.Raw(row["details"].encode()),
        "inserted_at": wire_time(row["created_at"]),
        "updated_at": wire_time(row["created_at"]),
    }
