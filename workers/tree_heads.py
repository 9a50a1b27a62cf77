"""Signs the heads of the logs that have grown, so that none lags although nobody asks for it (spec 05, section 4.3)."""

from datetime import timedelta
from uuid import UUID

import structlog
from msgspec import Struct

from eventstore.database.transaction import Database, TenantTx
from eventstore.following.follow import advance, hold_place
from eventstore.heads.checkpoints import SHORTEST_INTERVAL, Ends, read_ends
from eventstore.heads.last_signed import LastSigned
from eventstore.heads.rederive import HeadRefused
from eventstore.heads.signing import ClockBehind, confirm_growth, sign_if_due
from eventstore.keys.keyring import Keyring
from workers.follower_metrics import FollowerMetrics

log = structlog.get_logger(__name__)

CLOCK_PAUSE_SECONDS = 30.0
REFUSED_PAUSE_SECONDS = 300.0
"""A person has to look; until then nothing is signed, and the refusal is repeated in the log."""

SOONEST_SECONDS = 0.05

STATUS = "SELECT status FROM app.tenant WHERE tenant_id = $1"

SILENT = frozenset({"suspended", "deactivated"})
"""Tenants whose heads are no longer signed (spec 01, 4.2)."""


class TreeHeads(Struct, frozen=True):
    """Its place in a log is the size of the newest head that is stored and remembered outside the database."""

    database: Database
    keyring: Keyring
    last_signed: LastSigned
    metrics: FollowerMetrics
    name: str = "tree_heads"
    replicated: bool = False
    """PostgreSQL waits for a standby."""

    async def look(self, tenant_id: UUID) -> float | None:
        """Seconds after which the next head is due, None when the newest is over the whole log."""
        try:
            if self.replicated:
                async with self.database.tenant_transaction(tenant_id) as tx:
                    await confirm_growth(tx)
            async with self.database.tenant_transaction(tenant_id) as tx:
                return await self._sign(tx)
        except HeadRefused as error:
            self.metrics.head_refused("contradiction")
            place = {} if error.position is None else {"position": error.position}
            log.error("head_refused", tenant=str(tenant_id), reason=error.problem, **place)  # noqa: TRY400  # no bug: the reason is all
            return REFUSED_PAUSE_SECONDS
        except ClockBehind as error:
            self.metrics.head_refused("clock")
            log.warning("head_delayed", tenant=str(tenant_id), reason=str(error))
            return CLOCK_PAUSE_SECONDS

    async def _sign(self, tx: TenantTx) -> float | None:
        """A crash between COMMIT and the next look costs nothing: the place was moved in the same transaction."""
        if await hold_place(tx, self.name) is None:
            return None
        if await tx.fetchval(STATUS, tx.tenant_id) in SILENT:
            await advance(tx, self.name, (await read_ends(tx)).log.size)
            return None
        await sign_if_due(tx, self.keyring, self.last_signed)
        ends = await read_ends(tx)
        if ends.signed is not None:
            await advance(tx, self.name, ends.signed.size)
        return _seconds_until_due(ends)


def _seconds_until_due(ends: Ends) -> float | None:
    if not ends.grown:
        return None
    age = ends.now - ends.signed.signed_at if ends.signed is not None else timedelta(0)
    return max((SHORTEST_INTERVAL - age).total_seconds(), SOONEST_SECONDS)
