"""Who asks, remembered for a moment: most requests of a busy key cost no round trip to the database.

What is remembered decides nothing that is written: api/commands.py looks at the key and the tenant again, at the head
of the log. It decides reads, so it is at most a second old, and this process forgets a tenant's callers as soon as it
has committed a change of a key or of the tenant.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from config.keys import Key
from domain.api_key import is_well_formed
from domain.caller import Caller, Role, superadmin_caller
from domain.event import Recorded
from eventstore.callers.callers import UnknownKey, find_caller
from eventstore.callers.superadmins import find_superadmin
from eventstore.database.transaction import Database, TenantTx

LONGEST_SECONDS = 1.0
MOST_CALLERS = 10_000


class CallerCache:
    """``find`` is to be asked; ``note`` and ``committed`` are to be told what this process writes."""

    def __init__(
        self, database: Database, peppers: Sequence[Key], clock: Callable[[], float], seconds: float = LONGEST_SECONDS
    ) -> None:
        """``clock`` in seconds that never go back; a caller is remembered for ``seconds``."""
        self._seconds = seconds
        self._database = database
        self._peppers = peppers
        self._clock = clock
        self._found: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._touched: set[UUID] = set()
        self._marks: OrderedDict[UUID, int] = OrderedDict()
        self._forgotten = 0

    async def find(self, raw_key: str, now: datetime) -> Caller:
        """Raises UnknownKey, TenantInactive, DatabaseUnavailable."""
        digest = sha256(raw_key.encode()).digest()
        kept = self._found.get(digest)
        if kept and kept[0] > self._clock():
            return kept[1]
        if not is_well_formed(raw_key):  # a typing error need not cost a look-up
            raise UnknownKey
        forgotten, good_until = self._forgotten, self._clock() + self._seconds
        try:
            caller = await find_caller(self._database, self._peppers, raw_key, now)
        except UnknownKey:
            return await self._superadmin(raw_key)
        # Read before something was forgotten, it may be older than that. And an agent's key without an agent is about
        # to get one, perhaps through another process, and must be it with its next request.
        if forgotten == self._forgotten and (caller.agent_id or caller.role != Role.AGENT):
            self._keep(digest, good_until, caller)
        return caller

    async def note(self, tx: TenantTx, recorded: Sequence[Recorded]) -> None:
        """As an inline projection: these events are about to be committed."""
        if any(each.stream.kind in ("api_key", "dispatch", "tenant") for each in recorded):
            self._touched.add(tx.tenant_id)

    def committed(self, tenant_id: UUID) -> None:
        if tenant_id in self._touched:
            self._touched.discard(tenant_id)
            self.forget(tenant_id)

    def mark_of(self, tenant_id: UUID) -> int:
        """As it was last shown here; 0 before."""
        return self._marks.get(tenant_id, 0)

    def marked(self, tenant_id: UUID, mark: int) -> None:
        """Another process has changed a key or the tenant since the mark was last shown here, or that cannot be known:
        everything of the tenant is forgotten, and whoever was found has to be found again."""
        self.forget(tenant_id)
        self._marks[tenant_id] = mark
        self._marks.move_to_end(tenant_id)
        while len(self._marks) > MOST_CALLERS:
            self._marks.popitem(last=False)

    def was_found(self, raw_key: str) -> bool:
        """Not long ago, and it may be good still."""
        return sha256(raw_key.encode()).digest() in self._found

    def forget(self, tenant_id: UUID) -> None:
        self._forgotten += 1
        for digest in [digest for digest, (_, caller) in self._found.items() if caller.tenant_id == tenant_id]:
            del self._found[digest]

    async def _superadmin(self, raw_key: str) -> Caller:
        """Never remembered: they are few, they may do much, and no log tells when one is revoked."""
        found = await find_superadmin(self._database, self._peppers, raw_key)
        if found is None:
            raise UnknownKey
        return superadmin_caller(found.key_id, found.name)

    def _keep(self, digest: bytes, good_until: float, caller: Caller) -> None:
        self._found[digest] = (good_until, caller)
        self._found.move_to_end(digest)
        while len(self._found) > MOST_CALLERS:
            self._found.popitem(last=False)
