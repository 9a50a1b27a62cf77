"""`revoke-superadmin`: ends a key that belongs to no tenant, which no route can do."""

import argparse
from datetime import UTC, datetime

from eventstore.callers.superadmins import ListedSuperadmin, list_superadmins, revoke_superadmin
from eventstore.database.owning import owner_system_transaction
from operations.command import Declined, OperatorCommand, Said
from operations.reaching import owner_url, settings_of


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="its id or its prefix, as list-superadmins tells them")


async def _revoke(given: argparse.Namespace) -> Said:
    async with owner_system_transaction(owner_url(given, settings_of(given))) as tx:
        meant = _meant(await list_superadmins(tx), given.key)
        await revoke_superadmin(tx, meant.id, datetime.now(UTC))
        (revoked,) = [one for one in await list_superadmins(tx) if one.id == meant.id]
    return Said({"superadmin": revoked})


def _meant(keys: list[ListedSuperadmin], wanted: str) -> ListedSuperadmin:
    """Raises Declined unless it is exactly one."""
    found = [key for key in keys if wanted in (str(key.id), key.key_prefix)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Declined(f"{len(found)} keys have the prefix {wanted}: give the id that list-superadmins tells.")
    raise Declined(f"There is no superadmin's key {wanted}: list-superadmins tells their ids and prefixes.")


COMMAND = OperatorCommand("revoke-superadmin", "end a key of the role superadmin", _arguments, _revoke)
