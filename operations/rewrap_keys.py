"""`rewrap-keys`: puts every tenant's key under the first of LOOPCTL_KEKS."""

import argparse

from config.keys import parse_keys
from domain.errors import Conflict
from eventstore.database.tenants import each_tenant
from eventstore.keys.encryption import DoesNotOpen
from eventstore.keys.keyring import Keyring, Sealed
from eventstore.keys.seal import check_seal
from operations.command import OperatorCommand, Said, no_arguments
from operations.reaching import app_database, settings_of


async def _rewrap(given: argparse.Namespace) -> Said:
    """Goes on where a key is missing, and refuses at the end: what could be done is done."""
    settings = settings_of(given)
    keks = parse_keys(settings.keks)
    counts = {"rewrapped": 0, "tenants": 0}
    missing: set[str] = set()
    async with app_database(settings) as database:
        seal = await check_seal(database, keks)
        if seal.sealed:
            raise Conflict(seal.reason or "sealed")
        async for tenant in each_tenant(database):
            counts["tenants"] += 1
            try:
                async with database.tenant_transaction(tenant.id) as tx:
                    counts["rewrapped"] += await Keyring(keks).rewrap(tx)
            except (Sealed, DoesNotOpen) as error:
                missing.add(str(error))
    if missing:
        raise Conflict(f"{counts['rewrapped']} were rewrapped, others were not: {' '.join(sorted(missing))}")
    return Said({"kek": keks[0].kid, **counts})


COMMAND = OperatorCommand(
    "rewrap-keys", "put every tenant's key under the first of LOOPCTL_KEKS", no_arguments, _rewrap
)
