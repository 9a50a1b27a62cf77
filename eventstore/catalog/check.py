"""Is the database as safe as the code takes it to be? Asked in CI and at every start."""

from collections.abc import Sequence

from msgspec import Struct

from eventstore.catalog.access import ACCESS_RULES
from eventstore.catalog.functions import FUNCTION_RULES
from eventstore.catalog.rule import EXPECTED, Expected, Rule
from eventstore.catalog.tables import TABLE_RULES
from migrations.ledger import Reader

__all__ = [
    "EXPECTED",
    "RULES",
    "CatalogViolated",
    "Expected",
    "NotDurable",
    "Rule",
    "Violation",
    "assert_catalog",
    "assert_durability",
    "assert_replicated",
    "check_catalog",
]

RULES: tuple[Rule, ...] = (*ACCESS_RULES, *TABLE_RULES, *FUNCTION_RULES)

FULL_NAMES = "SELECT set_config('search_path', 'pg_catalog', true)"

DURABILITY = """
    SELECT wanted.name, current_setting(wanted.name) AS value
      FROM (VALUES ('fsync', '{on}'::text[]),
                   ('full_page_writes', '{on}'),
                   ('synchronous_commit', '{on,remote_apply}'),
                   ('data_checksums', '{on}')) AS wanted (name, good)
     WHERE current_setting(wanted.name) <> ALL (wanted.good)
     ORDER BY wanted.name
     LIMIT 10
"""


STANDBYS = "SELECT current_setting('synchronous_standby_names') AS value"
CONFIRMED = "SELECT pg_logical_emit_message(true, 'loopctl', '')"
"""Writes a few bytes to the server's log that nothing reads, so that the COMMIT has something to wait for."""


class Violation(Struct, frozen=True):
    """One object that breaks one rule."""

    rule: str
    object: str
    detail: str
    hint: str

    def __str__(self) -> str:
        return f"{self.object} {self.detail} [{self.rule}]. {self.hint}"


class CatalogViolated(Exception):
    """The process must not start: the message names everything that is wrong, one to a line."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("The database breaks its own rules:\n" + "\n".join(map(str, violations)))
        self.violations = tuple(violations)


class NotDurable(Exception):
    """The process must not start: this server may lose what it has acknowledged."""


async def check_catalog(reader: Reader, expected: Expected = EXPECTED) -> list[Violation]:
    """Everything that breaks a rule, in the order of RULES.

    ``reader`` is inside a transaction, of the role that is to be served (the rules look at the session as well), and
    does nothing else afterwards: its search path is another one until the end.
    """
    await reader.fetch(FULL_NAMES)
    found: list[Violation] = []
    for rule in RULES:
        rows = await reader.fetch(rule.query, *(sorted(_names(expected, field)) for field in rule.exceptions))
        found += [Violation(rule.name, row["object"], row["detail"], rule.hint) for row in rows]
    return found


async def assert_catalog(reader: Reader, expected: Expected = EXPECTED) -> None:
    """As ``check_catalog``. Raises CatalogViolated."""
    violations = await check_catalog(reader, expected)
    if violations:
        raise CatalogViolated(violations)


async def assert_durability(reader: Reader, *, replicated: bool = False) -> None:
    """Asks for the settings as this very session has them; ``replicated`` when a commit has to wait for a standby.

    Raises NotDurable.
    """
    wrong = [f"{row['name']} is {row['value']}" for row in await reader.fetch(DURABILITY)]
    if replicated and not (await reader.fetch(STANDBYS))[0]["value"]:
        wrong.append("synchronous_standby_names is empty, and LOOPCTL_SYNCHRONOUS_REPLICATION demands a standby")
    if wrong:
        raise NotDurable(f"This PostgreSQL may lose what it has acknowledged: {', '.join(wrong)}.")


async def assert_replicated(reader: Reader) -> None:
    """Returns when the end of the transaction will show that a commit gets to a standby. Raises NotDurable."""
    await assert_durability(reader, replicated=True)
    await reader.fetch(CONFIRMED)


def _names(expected: Expected, field: str) -> frozenset[str]:
    names: frozenset[str] = getattr(expected, field)
    return names
