"""The key that signs a tenant's log now, as decisions about the next one have to know it."""

from collections.abc import Mapping, Sequence

from domain.event import Recorded
from domain.log_key import LOG_EVENTS, LogKeyRotated
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model

NEWEST = """
    SELECT vkey
      FROM app.log_key
     WHERE tenant_id = $1 AND purpose = 'log'
     ORDER BY first_size DESC
     LIMIT 1
"""


class NewestLogKey(Model[None, str | None]):
    """Its vkey."""

    name = "newest_log_key"
    events = LOG_EVENTS.types

    async def load(self, tx: TenantTx, keys: Sequence[None]) -> Mapping[None, str | None]:
        return dict.fromkeys(keys, await tx.fetchval(NEWEST, tx.tenant_id))

    def initial(self, _: None) -> str | None:
        return None

    def touched(self, _: Recorded) -> Sequence[None]:
        return [None]

    def evolve(self, state: str | None, recorded: Recorded) -> str | None:
        event = recorded.event
        if not LOG_EVENTS.has(event):
            return state
        return event.new_vkey if isinstance(event, LogKeyRotated) else event.vkey


NEWEST_LOG_KEY = NewestLogKey()
