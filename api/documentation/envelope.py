"""How errors look, for the document."""

from collections.abc import Sequence
from typing import Any

from api.http.codes import CODES, learn_more

ENVELOPE: dict[str, Any] = {
    "type": "object",
    "title": "Error",
    "description": "Every error. Members beside these three depend on the code.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["status", "code", "message"],
            "properties": {
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "code": {"type": "string", "description": "Stable; for programs"},
                "message": {"type": "string", "description": "For people"},
                "details": {
                    "type": "object",
                    "description": "What is wrong with which field",
                    "additionalProperties": {"type": "array", "items": {}},
                },
                "current_state": {"type": "string"},
                "attempted_action": {"type": "string"},
                "hints": {"type": "array", "items": {"type": "string"}},
                "remediation": {
                    "type": "object",
                    "description": "What to do about it",
                    "properties": {
                        "description": {"type": "string"},
                        "next_action": {"type": "string"},
                        "learn_more": {"type": "string", "description": "An article of this service: its path"},
                    },
                },
                "retry_after_seconds": {"type": "integer", "minimum": 0},
            },
        }
    },
}

PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "The same error as RFC 9457 has it, for a client that accepts application/problem+json.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string"},
    },
}


def error_response(codes: Sequence[str]) -> dict[str, Any]:
    """One response object for the codes of one status, with an example of each."""
    return {
        "description": "; ".join(f"`{code}`: {CODES[code].meaning}" for code in codes),
        "headers": {"X-Request-Id": {"schema": {"type": "string"}, "description": "Name it when you report the error"}},
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "examples": {code: {"value": _example(code)} for code in codes},
            },
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
        },
    }


def _example(code: str) -> dict[str, Any]:
    known = CODES[code]
    page = learn_more(code)
    more = {} if page is None else {"remediation": {"learn_more": page}}
    return {"error": {"status": known.status, "code": code, "message": known.message or known.meaning, **more}}
