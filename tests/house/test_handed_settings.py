"""What somebody sets for the service reaches the processes that read it.

Red when the number of API processes was not told to them, so that each let through a whole limit where Redis was away.
"""

import ast
from pathlib import Path

from config.settings import Settings
from supervisor import up

OF_THE_SUPERVISOR = {"still_seconds", "migrator_password", "app_password", "worker_password"}
"""It alone reads them; no service gets another's password."""
OF_OPERATORS = {"audit_password", "backup_password"}
"""For the commands of the operator."""

NAMED = {
    node.value.removeprefix("LOOPCTL_").lower()
    for node in ast.walk(ast.parse(Path(up.__file__).read_text()))
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("LOOPCTL_")
}


def test_every_setting_is_handed_to_the_services_or_known_to_be_nothing_of_theirs() -> None:
    assert set(Settings.__struct_fields__) - NAMED == OF_THE_SUPERVISOR | OF_OPERATORS


def test_what_is_handed_is_a_setting() -> None:
    """The negative control: the names are read as they stand there."""
    assert {"workers", "proxies", "rate_limit_ceiling", "log_level"} <= NAMED & set(Settings.__struct_fields__)
