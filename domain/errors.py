"""The closed family of refusals: a machine code and facts, never an HTTP status, which api/http/errors.py adds."""

from collections.abc import Mapping, Sequence
from typing import Any

LONGEST_MESSAGE = 300
"""Characters of a message and of each detail: what a client said, however long, is shown by its beginning."""

LONGEST_PLACE = 100
"""Characters of the name of a field, which may be a client's own."""


class Rejected(Exception):
    """A command or query that was understood and refused. Nothing was changed."""

    default_code = "rejected"

    def __init__(self, message: str, *, code: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = shortened(message)
        self.code = code or self.default_code
        self.facts: Mapping[str, Any] = facts


class NotFound(Rejected):
    """No such thing, or not the caller's to see: the two are never told apart."""

    default_code = "not_found"


class Forbidden(Rejected):
    """The caller is known and may not."""

    default_code = "forbidden"


class Invalid(Rejected):
    """The input is well-formed and wrong; ``details`` maps a field to what is wrong with it."""

    default_code = "validation_failed"

    def __init__(
        self, message: str = "Validation failed", *, code: str | None = None, **details: str | Sequence[str]
    ) -> None:
        super().__init__(
            message,
            code=code,
            details={shortened(field, LONGEST_PLACE): _texts(given) for field, given in details.items()},
        )


class Conflict(Rejected):
    """The state does not allow it now. ``current_state``, ``attempted_action`` and ``hints`` say what would."""

    default_code = "conflict"


class CustodyViolation(Conflict):
    """Somebody tried to confirm their own work."""

    default_code = "custody_violation"


def shortened(text: str, most: int = LONGEST_MESSAGE) -> str:
    """At most so many characters, with an ellipsis where there were more."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _texts(given: str | Sequence[str]) -> list[str]:
    return [shortened(text) for text in ([given] if isinstance(given, str) else given)]
