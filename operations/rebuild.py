"""`rebuild`: makes read models again from the log, all or one, and says in how many rows the live ones differed."""

import argparse
from uuid import UUID

from msgspec.structs import asdict

from domain.events import EVENTS, UPCASTERS
from eventstore.database.owning import owner_transaction
from eventstore.log.codec import Codec
from operations.command import OperatorCommand, Said
from operations.reaching import app_database, chosen_tenants, owner_url, settings_of
from projections.inline import PROJECTIONS, Projection
from projections.rebuild import Rebuilt, rebuild

CODEC = Codec(EVENTS, UPCASTERS)
BY_NAME = {projection.name: projection for projection in PROJECTIONS}
DIFFERED = 10


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("projection", nargs="?", choices=sorted(BY_NAME), help="only this one; without it, all of them")
    parser.add_argument("--tenant", metavar="SLUG", help="of this tenant only")


async def _rebuild(given: argparse.Namespace) -> Said:
    """A tenant and a read model after the other, each in a transaction of its own."""
    settings = settings_of(given)
    url, wanted = owner_url(given, settings), [BY_NAME[given.projection]] if given.projection else PROJECTIONS
    async with app_database(settings) as database:
        tenants = await chosen_tenants(database, given.tenant)
    answers = [
        {"tenant": tenant.slug, **asdict(found), "was_equal": found.was_equal}
        for tenant in tenants
        for projection in wanted
        for found in await _one(url, tenant.id, projection)
    ]
    equal = all(answer["was_equal"] for answer in answers)
    return Said({"projections": [each.name for each in wanted], "tables": answers}, 0 if equal else DIFFERED)


async def _one(url: str, tenant_id: UUID, projection: Projection) -> list[Rebuilt]:
    async with owner_transaction(url, tenant_id) as tx:
        return await rebuild(tx, CODEC, projection)


COMMAND = OperatorCommand("rebuild", "make the read models again from the log", _arguments, _rebuild)
