"""What a subcommand is."""

import argparse
from collections.abc import Awaitable, Callable

from msgspec import Struct


class Declined(Exception):
    """One sentence for the operator."""


class Said(Struct, frozen=True):
    """``answer`` goes to stdout as JSON. ``code`` is the exit code: 0, or 10 when something was found to be bad."""

    answer: object
    code: int = 0


class OperatorCommand(Struct, frozen=True):
    """``arguments`` adds the subcommand's own to those that all have. ``run`` raises Declined, Rejected, ConfigError,
    DatabaseUnavailable, WrongRole, MigrationError."""

    name: str
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Awaitable[Said]]


def no_arguments(_: argparse.ArgumentParser) -> None:
    """For a subcommand that needs none."""
