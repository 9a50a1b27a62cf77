"""API keys on the wire (spec 01, section 2.4)."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from api.pages import PageQuery
from api.times import wire_time
from domain.errors import Invalid
from domain.fields import must_be
from domain.key import DEFAULT_GRACE_HOURS, LONGEST_GRACE_HOURS, ApiKey

Text = Annotated[str, Meta(max_length=65_536)]
HOURS = re.compile(r"\s*([+-]?[0-9]{1,18})\s*")


class CreateKeyBody(Struct, frozen=True, kw_only=True):
    name: Text | None = None
    role: Text | None = None
    expires_at: Text | None = None
    agent_id: Text | None = None

    def moment(self) -> datetime | None:
        """Raises Invalid for what is no time with its distance from UTC."""
        if self.expires_at is None or not self.expires_at.strip():
            return None
        try:
            at = datetime.fromisoformat(self.expires_at.strip())
            moment = at.astimezone(UTC) if at.tzinfo else None
        except (ValueError, OverflowError):
            moment = None
        if moment is None:
            raise Invalid(expires_at=must_be("a time with its offset, such as 2027-01-31T12:00:00Z"))
        return moment

    def agent(self) -> UUID | None:
        """Raises Invalid for what is no id."""
        if self.agent_id is None or not self.agent_id.strip():
            return None
        try:
            return UUID(self.agent_id.strip())
        except ValueError:
            raise Invalid(agent_id=must_be("the id of an agent")) from None


class RotateKeyBody(Struct, frozen=True, kw_only=True):
    grace_period_hours: int | Text | None = None

    def hours(self) -> int:
        """Digits in a text count as well. Raises Invalid."""
        match self.grace_period_hours:
            case None:
                return DEFAULT_GRACE_HOURS
            case str() as text:
                found = HOURS.fullmatch(text)
                if found is None:
                    raise Invalid(grace_period_hours=must_be("a whole number of hours"))
                return min(int(found[1]), LONGEST_GRACE_HOURS)
            case number:
                return min(number, LONGEST_GRACE_HOURS)


class KeysQuery(PageQuery, frozen=True, kw_only=True):
    include_revoked: Annotated[bool, Meta(description="Revoked ones too.")] = False


def new_key_body(key: ApiKey) -> dict[str, Any]:
    """``raw_key`` is put in on the way out, and only there."""
    return {
        "id": key.key_id,
        "raw_key": None,
        "key_prefix": key.key_prefix,
        "role": key.role,
        "name": key.name,
        "agent_id": key.agent_id,
        "expires_at": wire_time(key.expires_at),
        "inserted_at": wire_time(key.created_at),
    }


def key_body(key: ApiKey, last_used_at: datetime | None) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "name": key.name,
        "key_prefix": key.key_prefix,
        "role": key.role,
        "agent_id": key.agent_id,
        "dispatch_id": key.dispatch_id,
        "last_used_at": wire_time(last_used_at),
        "expires_at": wire_time(key.expires_at),
        "revoked_at": wire_time(key.revoked_at),
        "inserted_at": wire_time(key.created_at),
    }


def revoked_key_body(key: ApiKey) -> dict[str, Any]:
    names = ("id", "name", "key_prefix", "role", "agent_id", "revoked_at")
    whole = key_body(key, None)
    return {name: whole[name] for name in names}
