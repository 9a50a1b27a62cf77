"""The operator changes keys, and hears in one sentence why not."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from api.log.reading import LogReader
from config.keys import generate_key, parse_keys
from eventstore.database.transaction import Database
from eventstore.heads.log_keys import log_signer
from eventstore.keys.keyring import Keyring, Sealed
from loopctl.tlog.vkey import parse_vkey
from operations.__main__ import main
from tests.eventstore.rotating import read
from tests.loopctl.audit.bundles import fault, judge
from tests.support.database import TestDatabase, connected, copied_database, session
from tests.support.sample_log import THIEF

OLD, NEW = generate_key(), generate_key()


class Operator:
    """At the terminal of the server."""

    def __init__(self, database: TestDatabase, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
        self._url = database.app_url
        self._capsys = capsys
        self._environment = monkeypatch
        monkeypatch.setenv("LOOPCTL_PEPPERS", generate_key())
        monkeypatch.setenv("LOOPCTL_DATA_DIR", tempfile.mkdtemp())  # heads are remembered there
        self.keks(OLD)

    def keks(self, *keks: str) -> None:
        self._environment.setenv("LOOPCTL_KEKS", ",".join(keks))

    async def __call__(self, *arguments: str) -> Any:
        """What was printed: the JSON, or the sentence."""
        code = await asyncio.to_thread(main, [*arguments, "--database-url", self._url])
        printed = self._capsys.readouterr()
        return json.loads(printed.out) if code == 0 else printed.err

    async def tenant(self, slug: str) -> UUID:
        made = await self("create-tenant", "--name", "Acme", "--slug", slug, "--email", f"{slug}@example.com")
        return UUID(made["tenant"]["id"])

    async def rotate(self, slug: str, reason: str = "scheduled") -> Any:
        return await self("rotate-log-key", "--tenant", slug, "--reason", reason)


@pytest.fixture(scope="module")
async def made(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """Shared by the tests of this file: each brings tenants of its own."""
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture
def operator(made: TestDatabase, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Operator:
    return Operator(made, capsys, monkeypatch)


@pytest.fixture
async def app(made: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(made.app_url, role="loopctl_app")
    yield opened
    await opened.close()


def keyring(*keks: str) -> Keyring:
    return Keyring(parse_keys(",".join(keks)))


# The key of a log -----------------------------------------------------------------------------------------------------


async def test_the_log_goes_on_with_the_new_key_and_the_first_one_leads_to_it(
    operator: Operator, app: Database
) -> None:
    tenant = await operator.tenant("rotated")
    first = (await operator.rotate("rotated"))["log_key"]
    second = (await operator.rotate("rotated", "compromise"))["log_key"]
    assert (first["position"], first["first_size"], first["cosigned_by"]) == (2, 3, [])
    assert (first["new_vkey"], second["position"]) == (second["old_vkey"], 3)
    bundle = await read(LogReader(app, keyring(OLD)), tenant)
    report = judge(bundle, parse_vkey(first["old_vkey"]))
    assert (report.verdict, [each.new_vkey for each in report.rotations]) == (
        "good",
        [first["new_vkey"], second["new_vkey"]],
    )
    assert bundle["checkpoints/4"].decode() == second["checkpoint"]
    assert fault(judge(bundle, THIEF.key)).code == "key_unknown"


async def test_what_cannot_be_done_is_one_sentence(operator: Operator, made: TestDatabase) -> None:
    await operator.tenant("refusing")
    assert await operator.rotate("nobody") == "loopctl: There is no tenant nobody.\n"
    wrong = "loopctl: Validation failed: reason must be lower-case letters and underscores, at most 63\n"
    assert await operator.rotate("refusing", "Because!") == wrong
    operator.keks(NEW)
    assert "which is not configured" in await operator.rotate("refusing")
    operator.keks(OLD)
    async with session(made.admin_url) as connection:
        await connection.execute("UPDATE app.tenant SET root_of_trust = 'webauthn' WHERE slug = 'refusing'")
    assert "starts from a person" in await operator.rotate("refusing")
    async with session(made.admin_url) as connection:
        await connection.execute("UPDATE app.tenant SET root_of_trust = 'operator' WHERE slug = 'refusing'")
    assert (await operator.rotate("refusing"))["log_key"]["position"] == 2


# The keys that encrypt it ---------------------------------------------------------------------------------------------


async def signs(app: Database, tenant: UUID, *keks: str) -> bool:
    try:
        async with app.tenant_transaction(tenant) as tx:
            await log_signer(tx, keyring(*keks))
    except Sealed:
        return False
    return True


async def test_after_rewrapping_every_tenant_needs_the_new_key_alone(
    operator: Operator, app: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventstore.database.tenants.PAGE_SIZE", 2)
    tenants = [await operator.tenant(f"wrapped-{number}") for number in range(5)]
    assert not any([await signs(app, tenant, NEW) for tenant in tenants])
    operator.keks(NEW, OLD)
    told = await operator("rewrap-keys")
    assert (told["kek"], told["rewrapped"]) == (NEW[:8], told["tenants"])
    assert told["rewrapped"] >= 5
    assert all([await signs(app, tenant, NEW) for tenant in tenants])
    assert not any([await signs(app, tenant, OLD) for tenant in tenants])
    assert (await operator("rewrap-keys"))["rewrapped"] == 0
    operator.keks(OLD, NEW)
    assert (await operator("rewrap-keys"))["rewrapped"] == told["tenants"]


async def test_a_tenant_whose_key_is_missing_is_told_and_the_others_are_done(operator: Operator, app: Database) -> None:
    lost = generate_key()
    operator.keks(lost, OLD)
    assert (await operator("rewrap-keys"))["kek"] == lost[:8]
    operator.keks(OLD, lost)
    await operator.tenant("not-lost")
    await operator("rewrap-keys")
    operator.keks(lost, OLD)
    left = await operator.tenant("lost")
    operator.keks(NEW, OLD)
    said = await operator("rewrap-keys")
    assert f"wrapped under {lost[:8]}, which is not configured" in said
    assert not await signs(app, left, NEW)
    operator.keks(OLD, NEW, lost)
    assert (await operator("rewrap-keys"))["kek"] == OLD[:8]
    assert await signs(app, left, OLD)


async def test_a_key_that_the_database_does_not_know_changes_nothing(operator: Operator) -> None:
    await operator.tenant("sealed")
    operator.keks(generate_key())
    assert "None of the configured keys is known to this database" in await operator("rewrap-keys")
