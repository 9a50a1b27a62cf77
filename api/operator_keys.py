"""The operator's commands that change keys: of a tenant's log, and of what encrypts the keys at rest."""

import argparse
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from config.keys import parse_keys
from config.settings import Settings
from domain.errors import Conflict, NotFound
from domain.events import EVENTS
from domain.log_key import check_operator_may_rotate
from eventstore.append import NoLog
from eventstore.codec import Codec
from eventstore.encryption import DoesNotOpen
from eventstore.heads import ClockBehind
from eventstore.keyring import Keyring, Sealed
from eventstore.lane import Store
from eventstore.log_keys import NoLogKey
from eventstore.rederive import HeadRefused
from eventstore.rotate import Rotated, RotatedMeanwhile, Signing, Wish, rotate_log_key
from eventstore.seal import check_seal
from eventstore.transaction import Database
from loopctl.tlog.errors import TlogError
from loopctl.tlog.note import parse_note
from migrations.roles import with_role
from projections.inline import INLINE, MODELS

FIND = "SELECT app.find_tenant($1)"

TRUST = """
    SELECT root_of_trust
      FROM app.tenant
     WHERE tenant_id = $1
"""

ALL_TENANTS = "SELECT tenant_id FROM app.tenants_after($1, $2) AS t (tenant_id)"

PAGE = 500

REFUSALS = (ClockBehind, DoesNotOpen, HeadRefused, NoLog, NoLogKey, RotatedMeanwhile, Sealed, TlogError)
"""What says in one sentence why a log cannot be signed."""

ACTOR = ("operator",)


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    rotate = commands.add_parser("rotate-log-key", help="give a tenant's log a new key")
    rotate.add_argument("--tenant", required=True, help="its slug")
    rotate.add_argument("--reason", required=True, help="a word, such as scheduled; compromise: the old key ends now")
    rewrap = commands.add_parser("rewrap-keys", help="put every tenant's key under the first of LOOPCTL_KEKS")
    for command in (rotate, rewrap):
        for name in ("data-dir", "database-url"):
            command.add_argument(f"--{name}", help="as for `loopctl up`")


async def rotate(settings: Settings, given: argparse.Namespace) -> dict[str, Any]:
    """Raises Rejected, with what the log itself has against it too."""
    signing = Signing(Keyring(parse_keys(settings.keks)))
    async with _connected(settings) as database:
        tenant_id = await _find(database, given.tenant)
        async with database.tenant_transaction(tenant_id) as tx:
            check_operator_may_rotate(await tx.fetchval(TRUST, tenant_id), given.reason)
        store = Store(
            database=database, codec=Codec(EVENTS), models=MODELS, projections=INLINE, now=_now, committed=_nobody_waits
        )
        try:
            rotated = await rotate_log_key(store, signing, Wish(tenant_id, ACTOR, given.reason))
        except REFUSALS as error:
            raise Conflict(str(error) or "The tenant has no log.") from error
    return {"tenant": {"id": tenant_id, "slug": given.tenant}, "log_key": _told(rotated, given.reason)}


async def rewrap(settings: Settings, _: argparse.Namespace) -> dict[str, Any]:
    """Goes on where a key is missing, and refuses at the end: what could be done is done."""
    keks = parse_keys(settings.keks)
    counts = {"rewrapped": 0, "tenants": 0}
    missing: set[str] = set()
    async with _connected(settings) as database:
        seal = await check_seal(database, keks)
        if seal.sealed:
            raise Conflict(seal.reason or "sealed")
        async for tenant_id in _all_tenants(database):
            counts["tenants"] += 1
            try:
                async with database.tenant_transaction(tenant_id) as tx:
                    counts["rewrapped"] += await Keyring(keks).rewrap(tx)
            except (Sealed, DoesNotOpen) as error:
                missing.add(str(error))
    if missing:
        raise Conflict(f"{counts['rewrapped']} were rewrapped, others were not: {' '.join(sorted(missing))}")
    return {"kek": keks[0].kid, **counts}


Run = Callable[[Settings, argparse.Namespace], Coroutine[Any, Any, dict[str, Any]]]
KEY_COMMANDS: Mapping[str, Run] = {"rotate-log-key": rotate, "rewrap-keys": rewrap}


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


async def _find(database: Database, slug: str) -> UUID:
    async with database.system_transaction() as tx:
        found: UUID | None = await tx.fetchval(FIND, slug)
    if found is None:
        raise NotFound(f"There is no tenant {slug}.")
    return found


async def _all_tenants(database: Database) -> AsyncIterator[UUID]:
    last = UUID(int=0)
    while True:
        async with database.system_transaction() as tx:
            page = [row["tenant_id"] for row in await tx.fetch(ALL_TENANTS, last, PAGE)]
        for tenant_id in page:
            yield tenant_id
        if len(page) < PAGE:
            return
        last = page[-1]


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[Database]:
    if not settings.database_url:
        raise Conflict("Give --data-dir or --database-url.")
    url, password = settings.database_url, settings.app_password
    url = url if password is None else with_role(url, "loopctl_app", password)
    database = await Database.connect(url, role="loopctl_app", max_size=2)
    try:
        yield database
    finally:
        await database.close()


def _now() -> datetime:
    return datetime.now(UTC)


def _nobody_waits(_: UUID, __: int) -> None:
    """Those who follow the log find the entry when they look next."""
