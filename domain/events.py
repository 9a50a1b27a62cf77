"""Every event there is. A log that holds another one is newer than this code."""

from collections.abc import Callable, Mapping

from domain.event import Event
from domain.project import ProjectCreated
from domain.tenant import ApiKeyCreated, TenantCreated

EVENTS: tuple[type[Event], ...] = (TenantCreated, ApiKeyCreated, ProjectCreated)

UPCASTERS: Mapping[str, Callable[[dict[str, object]], dict[str, object]]] = {}
"""By tag: old data to what the Struct of today reads. Data of today must pass through unchanged.

A field that was added with a default needs none.
"""
