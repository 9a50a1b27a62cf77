"""The keys of role user that a tenant has, for what ends all of them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model

UNREVOKED = """
    SELECT key_id
      FROM app.api_key
     WHERE tenant_id = $1 AND role = 'user' AND revoked_at IS NULL
     ORDER BY created_at, key_id
"""


class UserKeys(Model[None, Sequence[UUID]]):
    """Ids of those that are not revoked, the oldest first. Only for a command that is alone in its batch: nothing that
    comes before it there is looked at."""

    name = "user_keys"
    volatile = True
    events = ()

    async def load(self, tx: TenantTx, keys: Sequence[None]) -> Mapping[None, Sequence[UUID]]:
        return dict.fromkeys(keys, tuple(row["key_id"] for row in await tx.fetch(UNREVOKED, tx.tenant_id)))

    def initial(self, _: None) -> Sequence[UUID]:
        return ()

    def touched(self, _: Recorded) -> Sequence[None]:
        return ()

    def evolve(self, state: Sequence[UUID], _: Recorded) -> Sequence[UUID]:
        return state


USER_KEYS = UserKeys()
