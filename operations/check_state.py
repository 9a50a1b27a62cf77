"""`check-state`: replays logs into empty read models and compares: with the digests in them, and with the live rows."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from domain.events import EVENTS, UPCASTERS
from eventstore.database.owning import owner_rehearsal
from eventstore.database.tenants import ListedTenant
from eventstore.log.codec import Codec
from loopctl.audit.expected import Expected
from loopctl.tlog.errors import TlogError
from loopctl.tlog.vkey import parse_vkey
from operations.command import Declined, OperatorCommand, Said
from operations.reaching import app_database, chosen_tenants, owner_url, settings_of
from operations.replay_export import BadExport, read_texts, replay_export
from projections.inline import PROJECTIONS
from projections.state_check import StateChecked, check_state

CODEC = Codec(EVENTS, UPCASTERS)
BAD = 10


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", metavar="SLUG", help="of this tenant only")
    parser.add_argument("--export", metavar="FILE", type=Path, help="an export of a log that this database has not")
    parser.add_argument("--texts", metavar="FILE", type=Path, help="what `export-texts` printed, for the export")
    parser.add_argument("--vkey", metavar="KEY", action="append", default=[], help="of the export's log, or a witness")


async def _check(given: argparse.Namespace) -> Said:
    """Writes of a tenant wait while its log is replayed; for an export nobody waits. Nothing of it stays."""
    settings = settings_of(given)
    url = owner_url(given, settings)
    async with app_database(settings) as database:
        if given.export:
            if given.tenant:
                raise Declined("--tenant is for the logs of this database: an export says itself whose it is.")
            everybody = await chosen_tenants(database, None)
            here = {tenant.id for tenant in everybody}
            try:
                texts = read_texts(given.texts) if given.texts else None
                found = await replay_export(url, given.export, _expected(given.vkey), here, texts)
            except BadExport as bad:
                return Said({"verdict": "bad", "fault": bad.fault}, BAD)
            return _said([(str(given.export), found)])
        if given.vkey or given.texts:
            raise Declined("--vkey and --texts go with --export: this database's own log is what fsck checks.")
        tenants = await chosen_tenants(database, given.tenant)
    return _said([(tenant.slug, await _live(url, tenant)) for tenant in tenants])


async def _live(url: str, tenant: ListedTenant) -> StateChecked:
    async with owner_rehearsal(url, tenant.id) as tx:
        return await check_state(tx, CODEC, PROJECTIONS)


def _expected(vkeys: Sequence[str]) -> Expected:
    try:
        return Expected(tuple(dict.fromkeys(map(parse_vkey, vkeys))))
    except TlogError as error:
        raise Declined(f"--vkey takes a key of a log or a witness: {error.problem}.") from None


def _said(checks: Sequence[tuple[str, StateChecked]]) -> Said:
    good = all(check.is_good for _, check in checks)
    logs = [_told(of, check) for of, check in checks]
    return Said({"verdict": "good" if good else "bad", "logs": logs}, 0 if good else BAD)


def _told(of: str, check: StateChecked) -> dict[str, Any]:
    """What is right is counted, what is not is listed."""
    return {
        "log": of,
        "verdict": "good" if check.is_good else "bad",
        "size": check.size,
        "digests": len({each.size for each in check.digests}),
        "equal": sum(each.verdict == "equal" for each in check.digests),
        "unknown": sorted({each.table for each in check.digests if each.verdict == "unknown"}),
        "other": [asdict(each) for each in check.digests if each.verdict == "other"],
        "altered": [asdict(each) for each in check.live if not each.was_equal],
        "altered_texts": check.altered_texts,
    }


COMMAND = OperatorCommand("check-state", "compare the read models with a replay of the log", _arguments, _check)
