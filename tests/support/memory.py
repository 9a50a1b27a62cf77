"""Temporary files in memory, where there is room for them: databases of tests spend most of their time in `fsync`."""

import os
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  # folders of our own are made in it
ROOM_BYTES = 8 << 30


def keep_temporary_files_in_memory() -> None:
    """Of this process and of those that it starts. Whoever has said where they go is heeded."""
    if "TMPDIR" not in os.environ and _has_room() and _runs_programs():
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def _has_room() -> bool:
    return MEMORY.is_mount() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES


def _runs_programs() -> bool:
    """Tests write scripts and run them, which some mounts forbid."""
    with suppress(OSError), tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        script = Path(folder, "script")
        script.write_text("#!/bin/sh\n")
        script.chmod(stat.S_IRWXU)
        return subprocess.run([script], check=False).returncode == 0  # just written
    return False
