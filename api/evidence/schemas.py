"""Bodies of evidence (spec 00, evidence)."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.evidence.in_toto import PAYLOAD, read_in_toto
from api.evidence.junit import LARGEST, read_junit
from api.http.query import StrictQuery
from api.http.refusal import Refused
from api.times import wire_time
from domain.errors import Invalid
from domain.fields import must_be
from domain.lifecycle.evidence import Results

LARGEST_BODY = LARGEST + 100_000
XML = "application/xml"
Whole = Annotated[str, Meta(max_length=LARGEST)]
Text = Annotated[str, Meta(max_length=65_536)]


class EvidenceQuery(StrictQuery, frozen=True, kw_only=True):
    """For a body that is the file itself."""

    commit: Annotated[str, Meta(max_length=128, description="The whole commit that was tested.")] | UnsetType = UNSET
    run_url: Annotated[str, Meta(max_length=4000, description="Where the run can be looked at.")] | UnsetType = UNSET


class EvidenceBody(Struct, frozen=True, kw_only=True):
    """``junit`` or ``in_toto``, as the text of the whole file: its hash is that of the file. ``commit`` and ``run_url``
    as in the query, whose own count."""

    junit: Whole | None = None
    in_toto: Whole | None = None
    commit: Text | None = None
    run_url: Text | None = None

    def results(self) -> Results:
        """Raises Invalid."""
        if (self.junit is None) == (self.in_toto is None):
            raise Invalid(junit=must_be("the text of a JUnit file, or else in_toto a statement; one of the two"))
        if self.junit is not None:
            text = self.junit.encode()
            found = read_junit(text)
            return Results(
                form="junit", sha256=sha256(text).hexdigest(), size=len(text), cases=found.cases,
                failed_whole=found.failed_whole, counts_differ=found.counts_differ,
            )  # fmt: skip
        text = (self.in_toto or "").encode()
        stated = read_in_toto(text)
        return Results(
            form="in_toto", sha256=sha256(text).hexdigest(), size=len(text), cases=stated.cases,
            failed_whole=stated.failed_whole, signatures=stated.signatures, commit_shas=stated.commit_shas,
        )  # fmt: skip


def as_member(member: str) -> Callable[[bytes], bytes]:
    """Makes the JSON body of a file that was sent as it is."""

    def make(body: bytes) -> bytes:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused("bad_request", f"Bad Request: byte {error.start} of the body is not UTF-8") from None
        if "\0" in text:
            raise Refused("bad_request", f"Bad Request: byte {body.index(0)} of the body is NUL")
        return msgspec.json.encode({member: text})

    return make


PACKED: Mapping[bytes, Callable[[bytes], bytes]] = {
    XML.encode(): as_member("junit"), b"text/xml": as_member("junit"), PAYLOAD.encode(): as_member("in_toto"),
}  # fmt: skip
"""By the type of the body."""

SHOWN = (
    "story_id", "source", "form", "sha256", "size", "commit_sha", "run_url", "status", "tests", "passed", "failed",
    "errors", "skipped", "executed_before", "current", "reporter_agent_id",
)  # fmt: skip
OF_CI = ("issuer", "repository", "repository_id", "ref", "workflow", "run_id")


def evidence_body(tenant_id: UUID, row: Any) -> dict[str, Any]:
    return {
        "id": row["evidence_id"],
        "tenant_id": tenant_id,
        **{name: row[name] for name in SHOWN},
        "flags": list(row["flags"]),
        "ac_results": msgspec.json.decode(row["criteria"]),
        "failed_tests": list(row["failed_tests"]),
        "signatures": {"count": row["signatures"], "checked": False},
        "ci": {name: row[name] for name in OF_CI} if row["source"] == "ci" else None,
        "inserted_at": wire_time(row["created_at"]),
    }
