"""`record-digest`: says in the log what the read models come to, now and not when the log has grown enough."""

import argparse
from datetime import UTC, datetime
from uuid import UUID

from msgspec.structs import asdict

from api.state_digests import digest_now, recording
from domain.events import EVENTS, UPCASTERS
from eventstore.log.codec import Codec
from eventstore.log.lane import Store, Writer
from operations.command import OperatorCommand, Said
from operations.reaching import app_database, chosen_tenants, settings_of
from projections.inline import INLINE, MODELS

ACTOR = ("operator",)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", metavar="SLUG", help="of this tenant only")


async def _record(given: argparse.Namespace) -> Said:
    """``recorded`` is false where no entry has come since the last digest."""
    answers = []
    async with app_database(settings_of(given)) as database:
        store = Store(
            database=database,
            codec=Codec(EVENTS, UPCASTERS),
            models=MODELS,
            projections=INLINE,
            now=_now,
            committed=_nobody_waits,
        )
        writer = Writer(store)
        for tenant in await chosen_tenants(database, given.tenant):
            digest = await digest_now(database, tenant.id)
            command = recording(tenant.id, digest, ACTOR, _now(), asked=True)
            position = (await writer.submit(tenant.id, command)).position
            answers.append({
                "tenant": tenant.slug, "size": digest.size, "recorded": position is not None, "position": position,
                "tables": [asdict(each) for each in digest.tables],
            })  # fmt: skip
        await writer.finish()
    return Said({"digests": answers})


def _now() -> datetime:
    return datetime.now(UTC)


def _nobody_waits(_: UUID, __: int) -> None:
    """A digest is for those who check later."""


COMMAND = OperatorCommand("record-digest", "record in the log what the read models come to", _arguments, _record)
