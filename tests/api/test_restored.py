"""A server that was restored from an older dump: whoever has seen more notices at once, and outsiders can check it."""

import asyncio
import base64
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from interop.cases import Fork
from interop.checkers import CHECKERS, LeftOut, ask
from loopctl.client import Unusable
from loopctl.tlog.vkey import parse_vkey
from tests.api.logs import service
from tests.api.test_seen_heads import World, here, proofs
from tests.deploy.test_backup import run
from tests.loopctl.cli.outside import environment, outside
from tests.loopctl.cli.shell import Said
from tests.support.database import TestDatabase
from tests.support.running import CHECKOUT

STRANGER = CHECKOUT / "tests/outside/check_fork.py"

__all__ = ["here"]


async def loopctl(here: World, home: Path, *arguments: str) -> Said:
    env = environment(home, here.address, LOOPCTL_API_KEY=here.work.team.implementer.raw)
    return await asyncio.to_thread(lambda: outside(*arguments, env=env))


async def verdicts(proof: bytes, keys: list[str], folder: Path) -> dict[str, bool]:
    """Of checkers that are not ours, those of `make interop` that are installed here."""
    file, said = folder / "cases.json", {}
    file.write_bytes(msgspec.json.encode([Fork(tuple(keys), proof)]))
    for checker in CHECKERS:
        try:
            checker.version()
        except LeftOut:
            continue
        command = await asyncio.to_thread(checker.command, folder)
        (said[checker.name],) = msgspec.json.decode(await asyncio.to_thread(ask, command, "check", file))
    return said


async def stranger(proof: bytes, keys: list[str], folder: Path) -> str:
    file = folder / "proof.json"
    file.write_bytes(proof)
    public = [base64.b64encode(parse_vkey(key).public_key).decode() for key in keys]
    command = [sys.executable, "-I", str(STRANGER), str(file), *public]
    done = await asyncio.to_thread(
        lambda: subprocess.run(command, check=False, capture_output=True, text=True, timeout=180)
    )
    return done.stdout or done.stderr


async def believed(here: World, home: Path, proof: bytes, verdict: str) -> None:
    """By the command, by a stranger and by other people's verifiers; and no longer when a signature is another's."""
    keys = [key for key, _ in here.kept().keys]
    given = [part for key in keys for part in ("--vkey", key)]
    (home / "fork.json").write_bytes(proof)
    told = await loopctl(here, home, "log", "fork-proof", str(home / "fork.json"), *given)
    assert (told.code, told.out.partition(":")[0]) == (0, verdict), told
    assert (await stranger(proof, keys, home)).startswith(f"{verdict}: ")
    assert {*(await verdicts(proof, keys, home)).values()} <= {True}
    forged = msgspec.json.decode(proof)
    size = forged["note_a"].split("\n")[1]
    forged["note_a"] = forged["note_a"].replace(f"\n{size}\n", f"\n{int(size) + 1}\n", 1)
    false = msgspec.json.encode(forged)
    (home / "fork.json").write_bytes(false)
    assert (await loopctl(here, home, "log", "fork-proof", str(home / "fork.json"), *given)).code == 10
    assert (await stranger(false, keys, home)).startswith("proves nothing")
    assert {*(await verdicts(false, keys, home)).values()} <= {False}


async def stored(here: World) -> bytes:
    (proof,) = await proofs(here)
    return msgspec.json.encode(proof["proof"])


async def test_the_first_request_of_the_python_client_notices_and_others_can_check_it(
    here: World, empty_database: TestDatabase, tmp_path: Path
) -> None:
    dump = run("backup", here.database.backup_url)
    await here.grows("lost")
    await here.asks()
    run("restore", empty_database.admin_url, dump)
    async with service(empty_database) as restored:
        here.behind.app = restored.app
        with pytest.raises(Unusable, match="rolled its log back"):
            await here.asks()
        await believed(here, tmp_path, await stored(here), "rollback")


async def test_the_first_request_of_the_command_notices(
    here: World, empty_database: TestDatabase, tmp_path: Path
) -> None:
    """Control: before the restore the same command is content."""
    await here.asks()
    dump = run("backup", here.database.backup_url)
    await here.grows("lost")
    assert (await loopctl(here, tmp_path, "auth", "whoami")).code == 0
    assert (await loopctl(here, tmp_path, "auth", "whoami")).code == 0
    run("restore", empty_database.admin_url, dump)
    async with service(empty_database) as restored:
        here.behind.app = restored.app
        told = await loopctl(here, tmp_path, "auth", "whoami")
        assert told.code != 0
        assert "log_contradicts" in told.err, told
        await believed(here, tmp_path, await stored(here), "rollback")


async def test_a_history_that_went_on_otherwise_is_a_fork_to_everybody(
    here: World, empty_database: TestDatabase, tmp_path: Path
) -> None:
    dump = run("backup", here.database.backup_url)
    await here.grows("lost")
    await here.asks()
    run("restore", empty_database.admin_url, dump)
    async with service(empty_database) as restored:
        here.behind.app = restored.app
        await here.grows("other-1", restored.app)
        await here.grows("other-2", restored.app)
        with pytest.raises(Unusable):
            await here.asks()
        await believed(here, tmp_path, await stored(here), "fork")
