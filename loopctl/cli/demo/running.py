"""Programs of ours that the demo runs to their end."""

import os
import subprocess
import sys
from collections.abc import Mapping

from loopctl.cli.exits import Exit, Stop


def run_ours(
    module: str, *arguments: str, seconds: float, kept: bool = False, environment: Mapping[str, str] = os.environ
) -> "subprocess.CompletedProcess[str]":
    """``kept``: what it says comes with the answer. Raises Stop when it takes too long."""
    command = [sys.executable, "-m", module, *arguments]
    try:
        return subprocess.run(  # noqa: S603  # our own module, no shell
            command, env=environment, capture_output=kept, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        shown = " ".join([module, *arguments[:1]])
        raise Stop(Exit.WAITED, f"`python -m {shown} …` was not done after {seconds:g} s.") from None
