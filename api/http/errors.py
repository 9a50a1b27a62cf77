"""The only place that turns an exception into an HTTP answer (spec 00, Errors; spec 01, section 1.6)."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec
from litestar.exceptions import HTTPException, ValidationException
from msgspec import Struct

from api.http.codes import CODES, learn_more
from api.http.refusal import Refused
from api.http.validation import explained
from domain.errors import Conflict, Forbidden, NotFound, Rejected
from eventstore.database.unavailable import DatabaseUnavailable
from eventstore.heads.rederive import HeadRefused
from eventstore.heads.signing import ClockBehind
from eventstore.log.lane import Overloaded

JSON = b"application/json; charset=utf-8"
PROBLEM = b"application/problem+json"

RETRY_AFTER = {"Retry-After": "1"}

UNKNOWN_OUTCOME = "Whether it was carried out is unknown: ask again with the same Idempotency-Key."

PLAIN_STATUS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    413: "payload_too_large",
    429: "rate_limited",
}
"""For exceptions of the framework that say nothing but a status."""


class Failure(Struct, frozen=True):
    """An error as the client sees it. ``members`` go beside status, code and message."""

    status: int
    code: str
    message: str
    members: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}


class ErrorPage(Struct, frozen=True):
    """The same for a browser."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


def failure_of(error: BaseException) -> Failure:
    """Total: what is not known here is a bug of ours, and the answer says nothing about it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]  # of a stream, which the framework sends in a group of tasks
    match error:
        case Refused():
            return _coded(error.code, error.message, error.facts, error.headers)
        case Rejected():
            return _rejected(error)
        case msgspec.ValidationError():
            return _invalid(str(error))
        case ValidationException():
            return _invalid_parameter(error)
        case HTTPException() if error.status_code < 500:
            return _coded(PLAIN_STATUS.get(error.status_code, "not_found"))
        case _:
            return _broken(error)


def _broken(error: BaseException) -> Failure:
    match error:
        case DatabaseUnavailable():
            message = f"{error} {UNKNOWN_OUTCOME}" if error.outcome_unknown else str(error)
            return _coded("database_unavailable", message, headers=RETRY_AFTER)
        case HeadRefused() | ClockBehind():
            return _coded("head_refused")  # what is wrong is for the operator, who reads it in the log
        case Overloaded():
            return _coded("overloaded", headers=RETRY_AFTER)
        case TimeoutError():
            return _coded("deadline_exceeded", f"The answer took too long. {UNKNOWN_OUTCOME}", headers=RETRY_AFTER)
        case asyncpg.DataError():
            # A value that PostgreSQL cannot hold got past a schema that is too wide; the client can still mend it.
            return _coded("validation_failed")
        case _:
            return _coded("internal_error")


def render(failure: Failure, *, problem: bool) -> tuple[bytes, bytes]:
    """Body and content type: the envelope, or the same members as RFC 9457 has them."""
    members = {"status": failure.status, "code": failure.code, "message": failure.message, **failure.members}
    page = learn_more(failure.code)
    if page is not None:
        members["remediation"] = {**members.get("remediation", {}), "learn_more": page}
    if not problem:
        return msgspec.json.encode({"error": members}), JSON
    members["detail"] = members.pop("message")
    title = CODES[failure.code].meaning if failure.code in CODES else failure.message
    return msgspec.json.encode({"type": f"urn:loopctl:error:{failure.code}", "title": title, **members}), PROBLEM


def status_of(error: type[Rejected]) -> int:
    """Of a refusal of the domain; the table of codes may know a more exact one."""
    if issubclass(error, NotFound):
        return 404
    if issubclass(error, Forbidden):
        return 403
    if issubclass(error, Conflict):
        return 409
    return 422


def _rejected(error: Rejected) -> Failure:
    known = CODES.get(error.code)
    facts = {name: value for name, value in error.facts.items() if value is not None}
    # What was sent can be sent otherwise: refusing it is no fault of the service, whatever its code means elsewhere.
    status = known.status if known and known.status < 500 else status_of(type(error))
    return Failure(status, error.code, error.message, facts)


def _invalid(message: str) -> Failure:
    field, reason = explained(message)
    return _coded("validation_failed", facts={"details": {field or "body": [reason]}})


def _invalid_parameter(error: ValidationException) -> Failure:
    """The framework's own: a path, query or header parameter, or a body that is missing."""
    if isinstance(error.__cause__, msgspec.ValidationError):
        field, reason = explained(str(error.__cause__))
        return _coded("validation_failed", facts={"details": {"body" if field == "data" else field: [reason]}})
    return _coded("validation_failed")


def _coded(
    code: str,
    message: str | None = None,
    facts: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Failure:
    known = CODES[code]
    return Failure(known.status, code, message or known.message or known.meaning, facts or {}, headers or {})
