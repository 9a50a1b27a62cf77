"""`fsck`: checks every byte of the stored logs; with --repair makes tiles and frontier anew, and nothing else."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from msgspec import DecodeError, ValidationError
from msgspec.json import decode, encode
from msgspec.structs import replace

from eventstore.database.owning import owner_transaction
from eventstore.database.tenants import ListedTenant
from eventstore.database.transaction import Database
from eventstore.fsck.check import LogCheck, Wanted, check_log
from eventstore.fsck.repair import Repair, RepairRefused, repair_log
from loopctl.audit.expected import Older, keep
from loopctl.audit.position import Position
from loopctl.tlog.errors import TlogError
from operations.command import Declined, OperatorCommand, Said
from operations.reaching import app_database, chosen_tenants, owner_url, settings_of

BAD = 10
SLICE = 1 << 20
"""Entries between two savings of the position."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", metavar="SLUG", help="of this tenant only")
    parser.add_argument("--newest", type=_count, metavar="COUNT", help="only the newest so many entries")
    parser.add_argument(
        "--not-older-than", metavar="HEAD", type=Path, help="with --tenant: a signed head that was kept elsewhere"
    )
    parser.add_argument("--repair", action="store_true", help="make tiles and frontier anew from the entries")
    parser.add_argument(
        "--positions", metavar="FILE", type=Path, help="keep there how far it has come, and resume from it"
    )


async def _fsck(given: argparse.Namespace) -> Said:
    settings = settings_of(given)
    if given.newest and given.positions:
        raise Declined("--newest begins where it has to: it cannot be resumed.")
    if given.not_older_than and not given.tenant:
        raise Declined("--not-older-than is the head of one log: say which with --tenant.")
    older = _older(given.not_older_than) if given.not_older_than else None
    async with app_database(settings) as database:
        tenants = await chosen_tenants(database, given.tenant)
        if given.repair:
            return await _repair(owner_url(given, settings), tenants)
        positions = Positions(given.positions)
        asked = Wanted(newest=given.newest, most=None if given.newest else SLICE, older=older)
        checks = [await _check(database, tenant, asked, positions) for tenant in tenants]
    good = all(check.verdict == "good" for check in checks)
    logs = [_shown(tenant, check) for tenant, check in zip(tenants, checks, strict=True)]
    return Said({"verdict": "good" if good else "bad", "logs": logs}, 0 if good else BAD)


class Positions:
    """By tenant, in a file that is written whole. What was checked to its end is not in it."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._kept: dict[UUID, Position] = {}
        if file is not None and file.exists():
            try:
                self._kept = decode(file.read_bytes(), type=dict[UUID, Position])
            except (OSError, DecodeError, ValidationError):
                raise Declined(f"{file} holds no positions of an earlier fsck.") from None

    def of(self, tenant_id: UUID) -> Position | None:
        return self._kept.get(tenant_id)

    def keep(self, check: LogCheck) -> None:
        if check.position is None or check.complete:
            self._kept.pop(check.tenant_id, None)
        else:
            self._kept[check.tenant_id] = check.position
        if self._file is not None:
            beside = self._file.with_name(self._file.name + ".new")
            beside.write_bytes(encode(self._kept))
            beside.replace(self._file)


def _older(file: Path) -> Older:
    try:
        return keep(file.read_bytes())
    except (OSError, TlogError):
        raise Declined(f"{file} is no signed head.") from None


async def _check(database: Database, tenant: ListedTenant, asked: Wanted, positions: Positions) -> LogCheck:
    heads, first = 0, None
    while True:
        wanted = asked if asked.newest else replace(asked, resume=positions.of(tenant.id))
        check = await check_log(database.tenant_transaction, tenant.id, wanted, _progress(tenant.slug))
        positions.keep(check)
        first = check.first if first is None else first
        heads += check.heads
        if check.complete or check.fault is not None:
            return LogCheck(
                tenant_id=check.tenant_id, verdict=check.verdict, fault=check.fault, complete=check.complete,
                first=first, size=check.size, root=check.root, heads=heads, position=None,
            )  # fmt: skip


async def _repair(url: str, tenants: list[ListedTenant]) -> Said:
    repairs = [(tenant, await _repair_one(url, tenant.id)) for tenant in tenants]
    good = all(repair.verdict != "refused" for _, repair in repairs)
    logs = [
        {
            "tenant": tenant.slug, "verdict": repair.verdict, "size": repair.size, "tiles": repair.tiles,
            "frontier": repair.frontier, "fault": repair.fault,
        }
        for tenant, repair in repairs
    ]  # fmt: skip
    return Said({"verdict": "good" if good else "bad", "logs": logs}, 0 if good else BAD)


async def _repair_one(url: str, tenant_id: UUID) -> Repair:
    try:
        async with owner_transaction(url, tenant_id) as tx:
            return await repair_log(tx)
    except RepairRefused as refused:
        return refused.repair


def _shown(tenant: ListedTenant, check: LogCheck) -> dict[str, object]:
    return {
        "tenant": tenant.slug, "verdict": check.verdict, "first": check.first, "size": check.size, "root": check.root,
        "heads": check.heads, "fault": check.fault,
    }  # fmt: skip


def _progress(slug: str) -> Callable[[int, int], None]:
    shown = sys.stderr.isatty()

    def tell(done: int, size: int) -> None:
        if shown:
            end = "\n" if done == size else ""
            sys.stderr.write(f"\r\x1b[K{slug}: {done:,} of {size:,} entries{end}")
            sys.stderr.flush()

    return tell


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count


COMMAND = OperatorCommand("fsck", "check every byte of the logs", _arguments, _fsck)
