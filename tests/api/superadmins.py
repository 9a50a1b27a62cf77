"""Superadmin keys for tests: made as the operator makes them, by the owner of the table."""

import secrets
from typing import Protocol
from uuid import uuid4

from domain.api_key import ALPHABET, complete_key
from eventstore.callers.superadmins import Superadmin, store_superadmin
from eventstore.database.owning import owner_system_transaction
from tests.api.logs import NOON, PEPPERS


class Owned(Protocol):
    @property
    def admin_url(self) -> str: ...


async def superadmin(database: Owned, name: str = "Ann") -> tuple[str, str]:
    """Id and raw key."""
    made, raw = Superadmin(uuid4(), name), complete_key("".join(secrets.choice(ALPHABET) for _ in range(34)))
    async with owner_system_transaction(database.admin_url) as tx:
        await store_superadmin(tx, made, PEPPERS[0], raw, NOON)
    return str(made.key_id), raw
