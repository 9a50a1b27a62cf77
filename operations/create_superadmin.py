"""`create-superadmin`: a key that belongs to no tenant, which no route can make."""

import argparse
from datetime import UTC, datetime

from api.http.identifiers import new_id
from domain.api_key import shown_prefix
from eventstore.callers.superadmins import Superadmin, store_superadmin
from eventstore.database.owning import owner_system_transaction
from operations.command import Declined, OperatorCommand, Said
from operations.raw_keys import current_pepper, new_raw_key
from operations.reaching import owner_url, settings_of


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="whose key it is")


async def _create(given: argparse.Namespace) -> Said:
    settings = settings_of(given)
    name = given.name.strip()
    if not 1 <= len(name) <= 255 or not name.isprintable():
        raise Declined("--name takes 1 to 255 printable characters.")
    made, raw_key = Superadmin(new_id(), name), new_raw_key()
    async with owner_system_transaction(owner_url(given, settings)) as tx:
        await store_superadmin(tx, made, current_pepper(settings), raw_key, datetime.now(UTC))
    key = {"id": made.key_id, "name": name, "role": "superadmin", "tenant_id": None}
    return Said({"api_key": {**key, "key_prefix": shown_prefix(raw_key), "raw_key": raw_key}})


COMMAND = OperatorCommand("create-superadmin", "make a key of the role superadmin", _arguments, _create)
