"""Bodies of the lifecycle (spec 01, sections 3.5 to 3.7). Unknown members are ignored; null means: not said."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from api.costs.schemas import UsageBody
from api.times import wire_time
from domain.capability import rejected
from domain.errors import Invalid
from domain.event import JsonText
from domain.fields import must_be
from domain.lifecycle.implementer import Hold

Text = Annotated[str, Meta(max_length=65_536)]
Object = Annotated[dict[str, Any], Meta(max_length=64)]
MOST_IN_BULK = 50


class Said(Struct, frozen=True):
    """The capability of a body, as it stands there."""

    cap_id: str | None = None
    capability: dict[str, Any] | None = None


class RightBody(Struct, frozen=True, kw_only=True):
    """A capability, by its id or as the whole token."""

    cap_id: Text | None = None
    capability: Object | None = None

    def said(self) -> Said:
        return Said(self.cap_id, self.capability)


class HeldBody(RightBody, frozen=True, kw_only=True):
    """``fencing_token`` says which claim the caller thinks it holds."""

    fencing_token: int | None = None

    def hold(self) -> Hold:
        return Hold(fencing_token=self.fencing_token)


class HoldBody(HeldBody, frozen=True, kw_only=True):
    """``lease_seconds`` puts a time limit on a claim."""

    lease_seconds: int | None = None

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


class ReportBody(RightBody, frozen=True, kw_only=True):
    artifact: ArtifactBody | None = None
    token_usage: UsageBody | None = None


class ReviewBody(RightBody, frozen=True, kw_only=True):
    review_type: Text | None = None
    findings_count: int | None = None
    fixes_count: int | None = None
    disproved_count: int | None = None
    summary: Text | None = None
    completed_at: Annotated[datetime, Meta(tz=True)] | None = None


class VerifyBody(RightBody, frozen=True, kw_only=True):
    review_type: Text | None = None
    summary: Text | None = None
    result: Text | None = None
    findings: Object | None = None
    commit_sha: Text | None = None


class RunBody(Struct, frozen=True, kw_only=True):
    status: Text | None = None
    commit_sha: Text | None = None
    runner_type: Text | None = None
    commit_content_hash: Text | None = None
    logs_url: Text | None = None
    ac_results: Object | None = None
    started_at: Annotated[datetime, Meta(tz=True)] | None = None
    completed_at: Annotated[datetime, Meta(tz=True)] | None = None


class RejectBody(RightBody, frozen=True, kw_only=True):
    reason: Text | None = None
    findings: Object | None = None
    review_type: Text | None = None


class RecoverBody(Struct, frozen=True, kw_only=True):
    """``lineage`` may be said; it is that of the key, whatever it says."""

    cap_type: Text | None = None
    lineage: Any = None
    fencing_token: int | None = None


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
            raise Invalid(pr_number=must_be("a positive whole number"))
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


def refuse_capability(data: RightBody) -> None:
    """Of a step that takes none: what would be ignored is refused. Raises Forbidden."""
    if data.cap_id is not None or data.capability is not None:
        raise rejected("wrong_type", "is for another step: this one takes none, so leave it out")


def run_body(tenant_id: UUID, row: Any) -> dict[str, Any]:
    return {
        "id": row["run_id"],
        "tenant_id": tenant_id,
        "story_id": row["story_id"],
        **{name: row[name] for name in ("reporter_agent_id", "status", "runner_type", "commit_sha")},
        **{name: row[name] for name in ("commit_content_hash", "logs_url")},
        "ac_results": msgspec.json.decode(row["ac_results"]),
        "started_at": None if row["started_at"] is None else wire_time(row["started_at"]),
        "completed_at": wire_time(row["completed_at"]),
        "inserted_at": wire_time(row["created_at"]),
    }


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
