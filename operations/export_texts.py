"""`export-texts`: the texts that a log is committed to and that were not erased; an export does not have them."""

import argparse

from eventstore.log.payloads import payloads_after
from operations.command import OperatorCommand, Said
from operations.reaching import app_database, find_tenant, settings_of

EVERY = 1 << 62


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", metavar="SLUG", required=True, help="of this tenant")


async def _export(given: argparse.Namespace) -> Said:
    async with app_database(settings_of(given)) as database:
        tenant_id = await find_tenant(database, given.tenant)
        async with database.tenant_transaction(tenant_id) as tx:
            return Said({"texts": await payloads_after(tx, -1, EVERY)})


COMMAND = OperatorCommand("export-texts", "print the texts that a log is committed to", _arguments, _export)
