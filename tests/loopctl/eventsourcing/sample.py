"""Logs to be read through the library, as exports and behind a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from loopctl.audit.archive import tar_blocks
from loopctl.audit.export import write_bundle
from loopctl.eventsourcing import LogRecorder, open_bundle, open_server
from loopctl.tlog.entry import Entry
from tests.loopctl.audit.remote_log import API_KEY, Server
from tests.support.sample_log import LOG_SIGNERS, Plan, SampleLog, make_log

VKEY = LOG_SIGNERS[0].key.text()
VERIFIED = "story.verified"


def verified(entry: Entry) -> Entry:
    return replace(entry, type=VERIFIED)


def log(size: int, **more: Any) -> SampleLog:
    """Every fifth entry is of another type than the others; larger ones begin with smaller ones."""
    return make_log(Plan(size=size, changes=dict.fromkeys(range(0, size, 5), verified), **more))


def exported(sample: SampleLog, file: Path) -> Path:
    file.write_bytes(b"".join(tar_blocks(write_bundle(sample))))
    return file


def bundle(sample: SampleLog, folder: Path) -> LogRecorder:
    return open_bundle(exported(sample, folder / "log.tar"), [VKEY])


@contextmanager
def following(server: Server, **more: Any) -> Iterator[LogRecorder]:
    """Asks each time."""
    with open_server(server.log, API_KEY, [VKEY], **{"poll_seconds": 0.0, **more}) as recorder:
        yield recorder
