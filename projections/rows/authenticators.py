"""Security keys, as their events leave them."""

from collections.abc import Mapping, Sequence

from domain.authenticator import AUTHENTICATOR_EVENTS, Authenticator, evolve_authenticator
from domain.event import Recorded
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.entity import Entity

AUTHENTICATORS = Entity(
    name="authenticator", state=Authenticator, identity="authenticator_id", evolve=evolve_authenticator, replaces=True
)

CREDENTIAL_INDEX = "authenticator_credential"

ALL = """
    SELECT *
      FROM app.authenticator
     WHERE tenant_id = $1
     ORDER BY created_at, authenticator_id
"""


class AllAuthenticators(Model[None, Sequence[Authenticator]]):
    """All of the tenant, the oldest first."""

    name = "all_authenticators"
    events = AUTHENTICATOR_EVENTS.types

    async def load(self, tx: TenantTx, keys: Sequence[None]) -> Mapping[None, Sequence[Authenticator]]:
        return dict.fromkeys(keys, tuple(await read_authenticators(tx)))

    def initial(self, _: None) -> Sequence[Authenticator]:
        return ()

    def touched(self, _: Recorded) -> Sequence[None]:
        return [None]

    def evolve(self, state: Sequence[Authenticator], recorded: Recorded) -> Sequence[Authenticator]:
        before = {each.authenticator_id: each for each in state}
        after = evolve_authenticator(before.pop(recorded.stream.id, None), recorded)
        found = [*before.values(), *([after] if after else [])]
        return tuple(sorted(found, key=lambda each: (each.created_at, each.authenticator_id)))


ALL_AUTHENTICATORS = AllAuthenticators()


async def read_authenticators(tx: TenantTx) -> Sequence[Authenticator]:
    return [AUTHENTICATORS.from_row(row) for row in await tx.fetch(ALL, tx.tenant_id)]
