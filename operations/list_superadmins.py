"""`list-superadmins`: every key that belongs to no tenant, by its prefix, and since when it is revoked."""

import argparse

from eventstore.callers.superadmins import list_superadmins
from eventstore.database.owning import owner_system_transaction
from operations.command import OperatorCommand, Said, no_arguments
from operations.reaching import owner_url, settings_of


async def _list(given: argparse.Namespace) -> Said:
    async with owner_system_transaction(owner_url(given, settings_of(given))) as tx:
        return Said({"superadmins": await list_superadmins(tx)})


COMMAND = OperatorCommand("list-superadmins", "list the keys of the role superadmin", no_arguments, _list)
