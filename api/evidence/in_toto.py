"""Reads in-toto statements of test results, bare or in a DSSE envelope (in-toto attestation framework 1.x, test-result
v0.1; DSSE v1). Signatures of an envelope are counted and not checked: who posts it is who answers for it."""

import base64
import binascii
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from domain.errors import Invalid
from domain.lifecycle.evidence import Case, Outcome

LARGEST = 2_000_000
"""Bytes."""
STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
PAYLOAD = "application/vnd.in-toto+json"
COMMIT_DIGESTS = ("gitCommit", "sha1", "sha256")

Name = Annotated[str, Meta(min_length=1, max_length=1000)]
Names = Annotated[list[Name], Meta(max_length=50_000)]


class Subject(Struct, frozen=True):
    digest: Annotated[dict[str, str], Meta(min_length=1, max_length=16)]
    name: str = ""


class TestResult(Struct, frozen=True, rename="camel"):
    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: Annotated[list[dict[str, Any]], Meta(max_length=1000)] = []
    url: str = ""
    passed_tests: Names = []
    warned_tests: Names = []
    failed_tests: Names = []


class Statement(Struct, frozen=True):
    kind: str = field(name="_type")
    subject: Annotated[list[Subject], Meta(min_length=1, max_length=100)]
    predicate_type: str = field(name="predicateType")
    predicate: TestResult


class Envelope(Struct, frozen=True):
    payload_type: str = field(name="payloadType")
    payload: str
    signatures: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=100)]


class InToto(Struct, frozen=True):
    """``signatures`` is how many an envelope has; 0 for a bare statement."""

    statement: Statement
    signatures: int

    @property
    def cases(self) -> list[Case]:
        result = self.statement.predicate
        named: tuple[tuple[list[str], Outcome], ...] = (
            (result.passed_tests, "passed"), (result.warned_tests, "passed"), (result.failed_tests, "failed"),
        )  # fmt: skip
        return [Case(name.strip(), outcome) for names, outcome in named for name in names]

    @property
    def failed_whole(self) -> bool:
        return self.statement.predicate.result == "FAILED"

    @property
    def commit_shas(self) -> tuple[str, ...]:
        digests = (subject.digest for subject in self.statement.subject)
        return tuple(
            {each[name].lower(): None for each in digests for name in COMMIT_DIGESTS if name in each}
        )  # fmt: skip


def read_in_toto(text: bytes) -> InToto:
    """Raises Invalid."""
    if len(text) > LARGEST:
        raise Invalid(in_toto=f"should be at most {LARGEST} byte(s)")
    members = _decoded(text, dict[str, Any], "")
    if "payloadType" not in members:
        return InToto(_statement(text), 0)
    envelope: Envelope = _decoded(text, Envelope, "")
    if envelope.payload_type != PAYLOAD:
        raise _unreadable(f"$.payloadType must be {PAYLOAD}")
    try:
        payload = base64.b64decode(envelope.payload.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _unreadable("$.payload is not base64") from None
    return InToto(_statement(payload), len(envelope.signatures))


def _statement(text: bytes) -> Statement:
    statement: Statement = _decoded(text, Statement, " of the statement")
    if statement.kind not in STATEMENTS:
        raise _unreadable(f"$._type must be {STATEMENTS[0]}")
    if statement.predicate_type != TEST_RESULT:
        raise _unreadable(f"$.predicateType must be {TEST_RESULT}")
    if not any(name in subject.digest for subject in statement.subject for name in COMMIT_DIGESTS):
        raise _unreadable("$.subject names no commit: it needs a digest gitCommit")
    return statement


def _decoded(text: bytes, kind: Any, where: str) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise _unreadable(f"{error}{where}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(f"it is no JSON: {error}{where}") from None
    except RecursionError:
        raise _unreadable("it nests too deeply") from None


def _unreadable(why: str) -> Invalid:
    said = why.replace("`", "")
    return Invalid(
        f"The statement cannot be read: {said}", code="evidence_unreadable",
        in_toto=f"is no in-toto statement of a test result: {said}",
    )  # fmt: skip
