"""Logs whose key is changed, and what an auditor is given of them."""

import io
from uuid import UUID

from msgspec import structs

from api.log.export import export_bundle
from api.log.reading import LogReader
from api.log.rotating import Allowed, Rotated, RotationWish, rotate_log_key
from eventstore.database.transaction import Database
from eventstore.heads.last_signed import LastSigned
from eventstore.heads.log_keys import LogKey, log_signer, read_log_keys
from eventstore.heads.rotate import Signing
from eventstore.keys.keyring import Keyring
from eventstore.log.lane import Store
from loopctl.audit.archive import read_tar
from loopctl.audit.report import Report
from loopctl.tlog.signer import LogSigner
from projections.facts.log_key import NEWEST_LOG_KEY
from tests.eventstore.growing import KEYRING
from tests.eventstore.writing import store
from tests.loopctl.audit.bundles import Files, judge

ROTATIONS = """
    SELECT count(*) FROM app.log_entry
     WHERE tenant_id = $1 AND position(convert_to('"type":"log.key_rotated"', 'UTF8') IN entry) > 0
"""


async def rotate(
    app: Database,
    tenant: UUID,
    reason: str = "scheduled",
    remembered: LastSigned | None = None,
    keyring: Keyring = KEYRING,
) -> Rotated:
    """Of a log that belongs to no tenant, so that nobody has to allow it."""
    wish = RotationWish(tenant, ("test",), reason, Allowed((), lambda _: None))
    return await rotate_log_key(rotating_store(app), Signing(keyring, remembered), wish)


def rotating_store(app: Database) -> Store:
    return structs.replace(store(app), models={**store(app).models, NEWEST_LOG_KEY.name: NEWEST_LOG_KEY})


async def keys_of(app: Database, tenant: UUID) -> list[LogKey]:
    async with app.tenant_transaction(tenant) as tx:
        return await read_log_keys(tx)


async def signer_of(app: Database, tenant: UUID) -> LogSigner:
    """The newest key with its private half, as a thief would have it."""
    async with app.tenant_transaction(tenant) as tx:
        return await log_signer(tx, KEYRING)


async def exported(app: Database, tenant: UUID) -> Files:
    return await read(LogReader(app, KEYRING), tenant)


async def read(log: LogReader, tenant: UUID) -> Files:
    blocks = [block async for block in export_bundle(log, tenant)]
    return dict(read_tar(io.BytesIO(b"".join(blocks))))


async def audited(app: Database, tenant: UUID) -> Report:
    """By somebody who knows the first key and nothing else."""
    first = (await keys_of(app, tenant))[0].key
    return judge(await exported(app, tenant), first)


async def rotations_in(app: Database, tenant: UUID) -> int:
    async with app.tenant_transaction(tenant) as tx:
        count: int = await tx.fetchval(ROTATIONS, tenant)
    return count
