"""`loopctl completion`."""

from typing import Literal

from loopctl.cli.options import PLAIN, Common
from loopctl.cli.output import print_line


def completion(shell: Literal["bash", "zsh", "fish"], /, *, common: Common = PLAIN) -> None:  # noqa: ARG001  # as all
    """Print the completion script of a shell: source <(loopctl completion bash)."""
    # The commands list this one.
    from loopctl.cli.main import app  # noqa: PLC0415  # as said

    print_line(app.generate_completion(shell=shell))
