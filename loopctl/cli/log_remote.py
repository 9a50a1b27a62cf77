"""`loopctl log fsck URL`."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from loopctl.audit import hashes
from loopctl.audit import report as reports
from loopctl.audit.expected import Expected
from loopctl.audit.kept import kept_head, open_kept
from loopctl.audit.remote import Client, Place, RemoteSource, parse_url
from loopctl.audit.report import Report
from loopctl.audit.source import LogSource
from loopctl.audit.verify import verify
from loopctl.cli.remote_options import Remote

ShowProgress = Callable[[LogSource], AbstractContextManager[Callable[[int], object]]]


def judge_remote(address: str, expected: Expected, remote: Remote, show: ShowProgress) -> tuple[Struct, str, bool]:
    """Report, its text, whether it is good. Raises Unreadable."""
    place = parse_url(address)
    client = Client(remote.api_key)
    try:
        if not client.may_read_entries:
            return _hashes(RemoteSource(place, client, None, expected.cosigners), expected, show)
        report = _whole(place, client, expected, remote.keep, show)
        return report, reports.text(report), report.fault is None
    finally:
        client.close()


def _hashes(source: RemoteSource, expected: Expected, show: ShowProgress) -> tuple[Struct, str, bool]:
    with show(source) as progress:
        report = hashes.verify_hashes(source, expected, progress)
    return report, hashes.text(report), report.fault is None


def _whole(place: Place, client: Client, expected: Expected, kept: Path | None, show: ShowProgress) -> Report:
    with nullcontext() if kept is None else open_kept(kept) as directory:
        expected = replace(expected, form=True, older=None if directory is None else kept_head(directory))
        while True:
            source = RemoteSource(place, client, directory, expected.cosigners)
            with show(source) as progress:
                report = verify(source.members(), expected, progress=progress)
            if report.fault is None:
                source.tidy()
            if report.fault is None or not source.reused or directory is None:
                return report
            # Perhaps it is what was kept that is damaged, and not the server's log.
            directory.remove_tiles()
