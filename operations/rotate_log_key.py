"""`rotate-log-key`: gives a tenant's log a new key; the old one signs over to it."""

import argparse
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from api.log.rotating import Rotated, RotationWish, by_operator, rotate_log_key
from config.keys import parse_keys
from domain.errors import Conflict
from domain.events import EVENTS, UPCASTERS
from eventstore.heads.last_signed import FileLastSigned
from eventstore.heads.log_keys import NoLogKey
from eventstore.heads.rederive import HeadRefused
from eventstore.heads.rotate import Signing
from eventstore.heads.signing import ClockBehind
from eventstore.keys.encryption import DoesNotOpen
from eventstore.keys.keyring import Keyring, Sealed
from eventstore.log.append import NoLog
from eventstore.log.codec import Codec
from eventstore.log.lane import Store
from loopctl.tlog.errors import TlogError
from loopctl.tlog.note import parse_note
from operations.command import OperatorCommand, Said
from operations.reaching import app_database, find_tenant, settings_of
from projections.inline import INLINE, MODELS

REFUSALS = (ClockBehind, DoesNotOpen, HeadRefused, NoLog, NoLogKey, Sealed, TlogError)
"""What says in one sentence why a log cannot be signed."""

ACTOR = ("operator",)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", required=True, help="its slug")
    parser.add_argument("--reason", required=True, help="a word, such as scheduled; compromise: the old key ends now")


async def _rotate(given: argparse.Namespace) -> Said:
    """Raises Rejected, with what the log itself has against it too."""
    settings = settings_of(given)
    signing = Signing(Keyring(parse_keys(settings.keks)), FileLastSigned(settings.heads_dir))
    async with app_database(settings) as database:
        tenant_id = await find_tenant(database, given.tenant)
        store = Store(
            database=database,
            codec=Codec(EVENTS, UPCASTERS),
            models=MODELS,
            projections=INLINE,
            now=_now,
            committed=_nobody_waits,
        )
        try:
            rotated = await rotate_log_key(
                store, signing, RotationWish(tenant_id, ACTOR, given.reason, by_operator(tenant_id))
            )
        except REFUSALS as error:
            raise Conflict(str(error) or "The tenant has no log.") from error
    return Said({"tenant": {"id": tenant_id, "slug": given.tenant}, "log_key": _told(rotated, given.reason)})


def _told(rotated: Rotated, reason: str) -> dict[str, Any]:
    """With who else has signed the boundary: after a compromise, the history before it rests on them."""
    lines = parse_note(rotated.boundary.note).lines
    return {
        "position": rotated.position,
        "first_size": rotated.position + 1,
        "reason": reason,
        "old_vkey": rotated.old.text(),
        "new_vkey": rotated.new.text(),
        "cosigned_by": sorted({line.name for line in lines if line.name != rotated.new.name}),
        "checkpoint": rotated.boundary.note.decode(),
    }


def _now() -> datetime:
    return datetime.now(UTC)


def _nobody_waits(_: UUID, __: int) -> None:
    """The service that runs reads the keys with each head."""


COMMAND = OperatorCommand("rotate-log-key", "give a tenant's log a new key", _arguments, _rotate)
