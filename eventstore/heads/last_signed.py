"""The newest signed head of each log, remembered outside the database.

What is put back to an older state forgets heads that it has signed, and would sign others of the same sizes.
"""

import asyncio
import os
from pathlib import Path
from typing import Protocol
from uuid import UUID


class LastSigned(Protocol):
    """One writer for a tenant at a time: whoever holds the lock on its heads."""

    async def read(self, tenant_id: UUID) -> bytes | None:
        """The note, byte for byte; None when there never was one."""

    async def store(self, tenant_id: UUID, note: bytes) -> None:
        """Returns when a crash can no longer take it away."""


class FileLastSigned:
    """A file for each tenant, in a folder that is not restored together with the database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, tenant_id: UUID) -> bytes | None:
        return await asyncio.to_thread(self._read, tenant_id)

    async def store(self, tenant_id: UUID, note: bytes) -> None:
        await asyncio.to_thread(self._store, tenant_id, note)

    def _read(self, tenant_id: UUID) -> bytes | None:
        try:
            return (self._folder / str(tenant_id)).read_bytes()
        except FileNotFoundError:
            return None

    def _store(self, tenant_id: UUID, note: bytes) -> None:
        """Whole or not at all: a crash at any line leaves the old note or the new one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"{tenant_id}.{os.getpid()}.new"
        with draft.open("wb") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / str(tenant_id))
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
