"""Every event there is. A log that holds another one is newer than this code."""

from domain.event import Event
from domain.log_key import LogKeyRotated
from domain.project import ProjectCreated
from domain.tenant import ApiKeyCreated, TenantCreated

EVENTS: tuple[type[Event], ...] = (TenantCreated, ApiKeyCreated, ProjectCreated, LogKeyRotated)
