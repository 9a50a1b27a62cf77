"""`scrub`: writes the tables anew that have held erased texts, so that no byte of one is left in them.

PostgreSQL leaves the bytes of a deleted row in its page until something else is written there, also after VACUUM.
"""

import argparse

from eventstore.database.owning import LONGEST_QUERY_SECONDS
from migrations.connection import connected
from migrations.runner import BECOME_OWNER
from operations.command import OperatorCommand, Said, no_arguments
from operations.reaching import owner_url, settings_of

TABLES = (
    "app.payload", "app.story_text", "app.project", "app.epic", "app.orchestrator_state", "app.idempotency",
    "app.webhook_delivery",
)  # fmt: skip
"""Of texts, of what is made of them, and of answers and bodies that were kept."""

# One statement each: they take no parameters, and no transaction.
REWRITE = tuple(f"VACUUM (FULL, ANALYZE) {table}" for table in TABLES)


async def _scrub(given: argparse.Namespace) -> Said:
    """Whoever reads or writes a table waits while it is written anew. WAL and backups have what they had."""
    async with connected(owner_url(given, settings_of(given)), LONGEST_QUERY_SECONDS) as connection:
        await connection.execute(BECOME_OWNER)
        for statement in REWRITE:
            await connection.execute(statement)
    return Said({"written_anew": TABLES})


COMMAND = OperatorCommand("scrub", "leave no byte of erased texts in the database's tables", no_arguments, _scrub)
