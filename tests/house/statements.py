"""The SQL of the server: constants beside the functions that run them, what is made from the fields of Structs, and
.sql files that lie beside code."""

import ast
import importlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import asyncpg

from projections.rows.entity import Entity
from tests.house.tree import Source
from workers.leased_rows import LeasedRows

VERB = re.compile(
    r"\s*(--[^\n]*\n\s*)*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES|LOCK|TRUNCATE|CALL|SET|SHOW|GRANT|REVOKE|COMMENT"
    r"|CREATE|ALTER|DROP|DO|EXPLAIN|REFRESH|COPY|BEGIN|START|COMMIT|ROLLBACK)\s",
    re.IGNORECASE,
)
LOG_WRITE = re.compile(
    r"\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|COPY)\s+(app\.)?(log_\w+|events?)\b", re.IGNORECASE
)
LOG_WRITERS = ("eventstore/", "migrations/", "tests/", "bench/")


def statements(files: Iterable[Source]) -> Iterator[tuple[str, str]]:
    """Place and text of every statement: upper-case constants of modules and classes, and whole .sql files.

    A constant that is put together from others is taken from the module itself.
    """
    for source in files:
        if source.name.endswith(".sql"):
            yield source.name, source.text
        else:
            tree = source.tree()
            for name, text in (*_constants(tree), *_made(source, tree)):
                if VERB.match(text):
                    yield f"{source.name}: {name}", text


def derived_statements(entities: Iterable[Entity[Any]]) -> Iterator[tuple[str, str]]:
    """Place and text of what is made for each table of an entity."""
    for entity in entities:
        yield f"{entity.table}: select", entity.select
        yield f"{entity.table}: delete", entity.delete
        yield f"{entity.table}: insert", entity.insert


def lease_statements(rows: LeasedRows) -> Iterator[tuple[str, str]]:
    for name in ("sweep_rows", "abandon_rows", "take_row", "renew_row", "finish_row", "release_row"):
        yield f"{rows.table}: {name}", getattr(rows, name)


async def unprepared(connection: asyncpg.Connection, found: Iterable[tuple[str, str]]) -> list[str]:
    """Statements that PostgreSQL does not understand against its schema, with what it says."""
    said = []
    for place, text in found:
        try:
            await connection.prepare(text)
        except asyncpg.PostgresError as error:
            said.append(f"{place}: {error}")
    return said


def log_writes(source: Source) -> list[str]:
    """Statements that write to the log outside the one package that may."""
    if source.name.startswith(LOG_WRITERS):
        return []
    return [f"{source.name}: {match[0]}" for match in LOG_WRITE.finditer(source.text)]


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    scopes: list[ast.Module | ast.ClassDef] = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    for node in (statement for scope in scopes for statement in scope.body):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text)))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text)))
            ) if name.isupper():
                yield name, text
            case _:
                pass


def _made(source: Source, tree: ast.Module) -> Iterator[tuple[str, str]]:
    names = [
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.JoinedStr)
    ]
    if names:
        module = importlib.import_module(source.name.removesuffix(".py").replace("/", "."))
        yield from ((name, getattr(module, name)) for name in names if name.isupper())
