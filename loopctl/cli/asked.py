"""What names are looked up and steps are taken with: something that asks, and the project that is meant.

Commands have a session, tools have one of their own; both know no more of each other than this.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from loopctl.client import Query


class Asking(Protocol):
    """The part of a client that names and steps need. Raises what the client raises."""

    @property
    def server(self) -> str: ...
    def get(self, path: str, /, **query: Query) -> Any: ...
    def post(self, path: str, body: Any = None, /, **query: Query) -> Any: ...
    def raw(self, method: str, path: str, body: Any = None) -> Any: ...
    def pages(self, path: str, /, **query: Query) -> Iterator[Any]: ...
    def request(self, method: str, path: str, body: Any = None, *, query: Mapping[str, Query] | None = None) -> Any: ...


class Asked(Protocol):
    @property
    def client(self) -> Asking: ...

    @property
    def project(self) -> str | None:
        """The project that is meant when none is said."""
