"""The process that appends while its connection breaks, or while it is killed: takes jobs from a pipe, one by one."""

import asyncio
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import UUID

import uvloop
from msgspec import Struct

from eventstore.database.transaction import Database, DatabaseUnavailable
from eventstore.heads.last_signed import FileLastSigned
from eventstore.heads.signing import current_checkpoint
from eventstore.log.command import Reply
from eventstore.log.lane import Writer
from tests.eventstore.growing import KEYRING
from tests.eventstore.writing import new_project, store


class Setting(Struct, frozen=True):
    """``remembered`` is the folder of heads that were signed."""

    url: str
    remembered: Path
    forgetful: bool = False
    """The control: no idempotency keys, so that a retry does everything again."""


class Job(Struct, frozen=True):
    """Projects to be created all at once; after them the head of the log is signed, or not."""

    tenant: UUID
    slugs: tuple[str, ...]
    sign: bool


class Outcome(Struct, frozen=True):
    """A reply for each slug, None where nobody knows; ``bugs`` are errors that no cut explains."""

    replies: tuple[Reply | None, ...]
    note: bytes | None
    bugs: tuple[str, ...]


def run(setting: Setting, pipe: Connection) -> None:
    uvloop.run(_serve(setting, pipe))


async def _serve(setting: Setting, pipe: Connection) -> None:
    database = await Database.connect(setting.url, role="loopctl_app", max_size=2)
    writer = Writer(store(database))
    pipe.send("ready")
    while True:
        try:
            job: Job = pipe.recv()
        except EOFError:
            return
        pipe.send(await _do(setting, database, writer, job))


async def _do(setting: Setting, database: Database, writer: Writer, job: Job) -> Outcome:
    commands = [new_project(slug, None if setting.forgetful else slug) for slug in job.slugs]
    made = await asyncio.gather(*(writer.submit(job.tenant, command) for command in commands), return_exceptions=True)
    signed: bytes | BaseException | None = None
    if job.sign:
        sign = partial(current_checkpoint, keyring=KEYRING, last_signed=FileLastSigned(setting.remembered))
        (head,) = await asyncio.gather(database.run_to_end(job.tenant, sign), return_exceptions=True)
        signed = head if isinstance(head, BaseException) else head.note
    bugs = [repr(each) for each in (*made, signed) if _is_bug(each)]
    return Outcome(
        tuple(each if isinstance(each, Reply) else None for each in made),
        signed if isinstance(signed, bytes) else None,
        tuple(bugs),
    )


def _is_bug(outcome: object) -> bool:
    return isinstance(outcome, BaseException) and not isinstance(outcome, DatabaseUnavailable)
