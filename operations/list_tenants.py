"""`list-tenants`."""

import argparse

from operations.command import OperatorCommand, Said, no_arguments
from operations.reaching import app_database, chosen_tenants, settings_of


async def _list(given: argparse.Namespace) -> Said:
    async with app_database(settings_of(given)) as database:
        return Said({"tenants": await chosen_tenants(database, None)})


COMMAND = OperatorCommand("list-tenants", "list every tenant", no_arguments, _list)
