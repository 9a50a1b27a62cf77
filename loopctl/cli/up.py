"""`loopctl up`."""

from typing import Annotated

from cyclopts import Parameter

from loopctl.cli.server_here import run_server_module


def up(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True, show=False)]) -> int:
    """Run the service: --port --host --data-dir --database-url --redis-url --workers (see `loopctl up --help`)."""
    return run_server_module("supervisor", "up", arguments)
