"""Our tools before the checkers of MCP servers that are not ours: one line for each."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from interop.checkers import CheckerFailed, LeftOut
from interop.mcp import conformance, inspector
from interop.mcp.programs import CONFORMANCE, INSPECTOR, Npm, node
from interop.mcp.service import Service, service
from interop.score import Score


def scores() -> Iterator[Score | str]:
    """A text says who was left out, and why."""
    there: list[Npm] = []
    for checker in (CONFORMANCE, INSPECTOR):
        try:
            checker.version()
            node()
        except LeftOut as error:
            yield f"{checker.package}: left out: {error}"
        else:
            there.append(checker)
    if not there:
        return
    with tempfile.TemporaryDirectory(prefix="loopctl-interop-") as temporary:
        folder = Path(temporary)
        with service(folder) as running:
            for checker in there:
                name = f"{checker.package} ({checker.version()})"
                yield _conforms(name, running, folder) if checker is CONFORMANCE else _inspected(name, running, folder)


def _conforms(name: str, running: Service, folder: Path) -> Score:
    try:
        eras = {era: conformance.run(running.address, era, folder) for era in conformance.ERAS}
    except CheckerFailed as error:
        return Score(name, 0, (str(error),))
    every = [one for ran in eras.values() for one in ran.values()]
    known = sum(
        len(one.failed.keys() & conformance.known(scenario)) for ran in eras.values() for scenario, one in ran.items()
    )
    return Score(
        f"/mcp by {name}", sum(one.passed for one in every), tuple(conformance.wrong(eras)), known, "cannot pass",
        tuple(conformance.reasons(eras)),
    )  # fmt: skip


def _inspected(name: str, running: Service, folder: Path) -> Score:
    try:
        found = inspector.findings(running, folder)
    except CheckerFailed as error:
        return Score(name, 0, (str(error),))
    wrong = tuple(f"{about}: {what}" for about, what in found.items() if what)
    return Score(f"tools by {name}", len(found) - len(wrong), wrong)
