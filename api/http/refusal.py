"""What the API itself refuses, before any decision of the domain is asked for."""

from collections.abc import Mapping
from typing import Any

Header = tuple[bytes, bytes]


class Refused(Exception):
    """A request that the API does not take. ``code`` is in the table of api/http/codes.py, which knows the status."""

    def __init__(
        self, code: str, message: str | None = None, *, headers: Mapping[str, str] | None = None, **facts: Any
    ) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.facts: Mapping[str, Any] = facts


class ClientGone(Exception):
    """The client closed the connection before its request was complete: nobody is left to answer."""
