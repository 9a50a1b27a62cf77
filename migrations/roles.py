"""The roles of the cluster (spec 06, section 3.1): who owns, who uses, who only reads."""

import asyncio
import base64
import hashlib
import hmac
import random
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

import asyncpg
from msgspec import Struct

from migrations.connection import connected, in_words
from migrations.errors import BootstrapRefused

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


class RolePasswords(Struct, frozen=True):
    """Printable ASCII, so that every client prepares them the same way."""

    migrator: str
    app: str
    worker: str
    audit: str
    backup: str

    def __repr__(self) -> str:
        return "RolePasswords(...)"


class DatabaseRole(Struct, frozen=True):
    """``password`` is the field of RolePasswords; a role without one cannot log in.

    ``settings`` hold at each login, values in SQL.
    """

    name: str
    password: str | None = None
    bypass_rls: bool = False
    settings: Mapping[str, str] = {}


OWN_SCHEMA = "app, pg_temp"
"""pg_temp last: a temporary table must not stand in front of a real one."""

SERVING = {
    "search_path": OWN_SCHEMA,
    "statement_timeout": "'5s'",
    "lock_timeout": "'2s'",
    "idle_in_transaction_session_timeout": "'10s'",
    "transaction_timeout": "'60s'",
    "max_parallel_workers_per_gather": "'0'",  # starting them costs more than a short statement: 45 ms instead of 27
}

READING = {
    "search_path": OWN_SCHEMA,
    "default_transaction_read_only": "'on'",
    "lock_timeout": "'30s'",
    "idle_in_transaction_session_timeout": "'10min'",
}

MIGRATING = {
    "search_path": "pg_catalog, pg_temp",  # everything of ours has to be named with its schema
    "statement_timeout": "'15min'",
    "lock_timeout": "'10s'",  # who waits for a table makes everybody behind him wait
    "idle_in_transaction_session_timeout": "'60s'",
    "client_connection_check_interval": "'1s'",  # a killed runner must not keep its lock until its statement ends
}

ROLES = (
    DatabaseRole("loopctl_owner"),
    DatabaseRole("loopctl_fn"),
    DatabaseRole("loopctl_migrator", "migrator", settings=MIGRATING),
    DatabaseRole("loopctl_app", "app", settings=SERVING),
    DatabaseRole("loopctl_worker", "worker", settings=SERVING),
    DatabaseRole("loopctl_audit_ro", "audit", settings=READING),
    DatabaseRole("loopctl_backup", "backup", bypass_rls=True, settings=READING),
)

OLDEST_SERVER = 16
"""GRANT … WITH INHERIT came with it."""

SINCE = {"transaction_timeout": 17}
"""Settings that older servers do not know, with the version that brought them."""

LOCK = 0x6C6F_6F70_726F_6C65
"""``looprole`` in ASCII."""

TAKE_LOCK = "SELECT pg_advisory_xact_lock($1)"

NEW_ROLE: Mapping[str, bool] = {
    "INHERIT": True,
    "LOGIN": False,
    "BYPASSRLS": False,
    "SUPERUSER": False,
    "CREATEROLE": False,
    "CREATEDB": False,
    "REPLICATION": False,
}
"""The attributes that CREATE ROLE gives when it is told nothing."""

ATTRIBUTES = """
    SELECT rolname,
           rolinherit AS "INHERIT",
           rolcanlogin AS "LOGIN",
           rolbypassrls AS "BYPASSRLS",
           rolsuper AS "SUPERUSER",
           rolcreaterole AS "CREATEROLE",
           rolcreatedb AS "CREATEDB",
           rolreplication AS "REPLICATION"
      FROM pg_roles
     WHERE rolname = ANY ($1::text[])
     ORDER BY rolname
     LIMIT 100
"""

MEMBERSHIPS = """
    GRANT loopctl_owner TO loopctl_migrator WITH INHERIT FALSE, SET TRUE;
    GRANT loopctl_fn TO loopctl_owner WITH INHERIT FALSE, SET TRUE
"""
"""Without INHERIT: the migrator is the owner only after SET ROLE, and policies for loopctl_fn are not the owner's."""

CURRENT_DATABASE = "SELECT quote_ident(current_database())"

DATABASE_RIGHTS = """
    REVOKE ALL ON DATABASE {database} FROM PUBLIC;
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    GRANT CONNECT ON DATABASE {database}
       TO loopctl_migrator, loopctl_app, loopctl_worker, loopctl_audit_ro, loopctl_backup;
    GRANT CREATE ON DATABASE {database} TO loopctl_owner
"""
"""PUBLIC has CONNECT and TEMP on a new database; a temporary table is a foothold in the search path."""

MAY_ADD_VECTORS = """
    SELECT r.rolsuper
           AND EXISTS (SELECT FROM pg_available_extensions AS a WHERE a.name = 'vector')
           AND NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'vector')
      FROM pg_roles AS r
     WHERE r.rolname = current_user
"""
ADD_VECTORS = "CREATE EXTENSION vector WITH SCHEMA pg_catalog"
"""Where every search path finds its type and operators, whatever it is."""

ATTEMPTS = 20

CREDENTIALS = frozenset({"user", "password", "passfile"})
"""Options of an address's query that may stand there instead of before the host."""


async def bootstrap(admin_url: str, passwords: RolePasswords) -> None:
    """Makes the roles and their rights on the address's database what they should be, whatever they were.

    The database is loopctl's alone: nobody else may connect afterwards, superusers and its owner excepted.
    The roles belong to the whole cluster: two loopctl databases in one cluster share them and their passwords.
    The administrator owns the database and is a superuser, or has CREATEROLE and BYPASSRLS. Raises MigrationError.
    """
    async with connected(admin_url) as connection:
        for _ in range(ATTEMPTS):
            try:
                async with connection.transaction():
                    await _set_up(connection, passwords)
            except asyncpg.InsufficientPrivilegeError as error:
                raise BootstrapRefused(
                    f"The administrator's role may not set up the database roles: {in_words(error)}."
                ) from error
            except (asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError, asyncpg.InternalServerError):
                # Another database's bootstrap was at the same roles. Advisory locks end at the database, so the
                # catalogue itself is what told us ("tuple concurrently updated" has the class of internal errors).
                await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311  nothing secret
            else:
                return
    raise BootstrapRefused(f"The database roles were being changed by somebody else {ATTEMPTS} times in a row.")


async def _set_up(connection: "Connection", passwords: RolePasswords) -> None:
    server = connection.get_server_version().major
    if server < OLDEST_SERVER:
        raise BootstrapRefused(f"PostgreSQL {server} is too old: loopctl needs {OLDEST_SERVER} or newer.")
    await connection.execute(TAKE_LOCK, LOCK)
    found = {row["rolname"]: dict(row) for row in await connection.fetch(ATTRIBUTES, [role.name for role in ROLES])}
    for role in ROLES:
        await connection.execute("; ".join(_role_statements(role, found.get(role.name, {}), passwords, server)))
    await connection.execute(MEMBERSHIPS)
    await _add_vectors(connection)
    await grant_database_rights(connection)


async def _add_vectors(connection: "Connection") -> None:
    """Only a superuser can, and where nobody does, articles are compared without it (0054_article_vectors)."""
    if await connection.fetchval(MAY_ADD_VECTORS):
        with suppress(asyncpg.PostgresError):  # such as a server whose package is broken: nothing rests on it
            async with connection.transaction():
                await connection.execute(ADD_VECTORS)


async def grant_database_rights(connection: "Connection") -> None:
    """The part that is the database's own: a copy made with CREATE DATABASE … TEMPLATE does not bring it along."""
    database = await connection.fetchval(CURRENT_DATABASE)
    await connection.execute(DATABASE_RIGHTS.format(database=database))


def _role_statements(role: DatabaseRole, found: Mapping[str, bool], passwords: RolePasswords, server: int) -> list[str]:
    """Role names and settings are our own constants, the verifier is base64: nothing in here needs quoting."""
    wanted = {"LOGIN": role.password is not None, "BYPASSRLS": role.bypass_rls}
    current = found or NEW_ROLE
    # Only what differs: an administrator who is no superuser may not even repeat most of these.
    options = [
        word if wanted.get(word, False) else f"NO{word}"
        for word in NEW_ROLE
        if current[word] != wanted.get(word, False)
    ]
    if role.password:
        options.append(f"PASSWORD '{scram_verifier(getattr(passwords, role.password))}'")
    settings = {name: value for name, value in role.settings.items() if server >= SINCE.get(name, 0)}
    return [
        f"{'ALTER' if found else 'CREATE'} ROLE {role.name} {' '.join(options)}",
        f"ALTER ROLE {role.name} RESET ALL",
        *(f"ALTER ROLE {role.name} SET {name} = {value}" for name, value in settings.items()),
    ]


def scram_verifier(password: str, *, salt: bytes | None = None, iterations: int = 4096) -> str:
    """What PostgreSQL stores for a password (RFC 5803), made here so that no log of statements can hold it."""
    if not password.isascii() or not password.isprintable():
        raise BootstrapRefused("The password of a database role has to be printable ASCII.")
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{text[0]}${text[1]}:{text[2]}"


def with_role(url: str, role: str, password: str) -> str:
    """The same database as another role, with nothing left of who the address was made for."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    query = "&".join(
        option for option in parts.query.split("&") if unquote_plus(option.partition("=")[0]) not in CREDENTIALS
    )
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{place}", query=query))
