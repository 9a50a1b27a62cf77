"""Private keys at rest: only the right key-encryption key opens them, and only where they belong."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from config.keys import Key
from eventstore.database.transaction import Database
from eventstore.heads.log_keys import (
    Begin,
    NoLogKey,
    log_origin,
    log_signer,
    log_signers,
    new_log_key,
    read_key_history,
    read_log_keys,
)
from eventstore.keys.encryption import DoesNotOpen
from eventstore.keys.keyring import Keyring, Sealed
from loopctl.tlog.checkpoint import make_checkpoint
from loopctl.tlog.hashing import EMPTY_ROOT
from loopctl.tlog.signer import sign_checkpoint
from loopctl.tlog.trust import Trust, open_checkpoint
from tests.support.database import TestDatabase, connected, copied_database, session

NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
OLD, NEW = Key("0000000a", secrets.token_bytes(32)), Key("0000000b", secrets.token_bytes(32))
KEYRING = Keyring((OLD,))


@pytest.fixture(scope="module")
async def made(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    """Shared by the tests of this file: each brings tenants of its own."""
    async with copied_database(postgres_admin_url, database_template) as database:
        yield database


@pytest.fixture
async def app(made: TestDatabase) -> AsyncIterator[Database]:
    opened = await connected(made.app_url, role="loopctl_app")
    yield opened
    await opened.close()


async def with_key(app: Database, first_size: int = 0, tenant: UUID | None = None) -> UUID:
    tenant = tenant or uuid4()
    async with app.tenant_transaction(tenant) as tx:
        origin = log_origin("https://example.org", tenant)
        await new_log_key(tx, KEYRING, Begin(origin, "created", NOON, first_size))
    return tenant


async def signs(app: Database, tenant: UUID, keyring: Keyring) -> bool:
    """Whether the tenant's key can be used, and its head opens with what the log says about its keys."""
    async with app.tenant_transaction(tenant) as tx:
        signer = await log_signer(tx, keyring)
        history = await read_key_history(tx)
    note = sign_checkpoint(make_checkpoint(history.origin, 0, EMPTY_ROOT), [signer])
    return bool(open_checkpoint(note.encode(), Trust(history)).signatures)


@pytest.mark.parametrize(
    ("base_url", "prefix"),
    [
        ("http://127.0.0.1:4000", "127.0.0.1:4000/t/"),
        ("https://Log.Example.org", "log.example.org/t/"),
        ("https://example.org/loopctl", "example.org/loopctl/t/"),
        ("https://user:word@example.org", "example.org/t/"),
        ("http://[::1]:4000", "[::1]:4000/t/"),
    ],
)
def test_the_origin_is_the_address_without_scheme(base_url: str, prefix: str) -> None:
    assert log_origin(base_url, UUID(int=7)) == prefix + "00000000-0000-0000-0000-000000000007"


async def test_a_key_that_was_stored_signs_what_its_history_opens(app: Database) -> None:
    assert await signs(app, await with_key(app), KEYRING)


async def test_neither_the_seed_nor_the_secret_is_in_the_rows(app: Database) -> None:
    tenant = await with_key(app)
    async with app.tenant_transaction(tenant) as tx:
        row = await tx.fetchrow("SELECT vkey, private_key FROM app.log_key WHERE tenant_id = $1", tenant)
        wrapped = await tx.fetchval("SELECT wrapped FROM app.tenant_key WHERE tenant_id = $1", tenant)
        assert row is not None
        seed = await KEYRING.decrypt(tx, "log_key", "private_key", f"log/{row['vkey']}", row["private_key"])
    assert len(seed) == 32
    assert seed not in row["private_key"]
    assert OLD.secret not in wrapped
    assert wrapped[:5] == b"\x01" + bytes.fromhex(OLD.kid)


async def test_the_first_key_of_a_tenant_is_made_once_however_many_ask(app: Database) -> None:
    tenant = uuid4()

    async def encrypted(number: int) -> bytes:
        async with app.tenant_transaction(tenant) as tx:
            return await KEYRING.encrypt(tx, "webhook", "secret", str(number), b"value")

    values = await asyncio.gather(*(encrypted(number) for number in range(8)))
    async with app.tenant_transaction(tenant) as tx:
        for number, value in enumerate(values):
            assert await KEYRING.decrypt(tx, "webhook", "secret", str(number), value) == b"value"


async def test_after_a_rotation_the_new_key_alone_is_enough(app: Database) -> None:
    tenant = await with_key(app)
    both = Keyring((NEW, OLD))
    assert await signs(app, tenant, both)
    with pytest.raises(Sealed):
        await signs(app, tenant, Keyring((NEW,)))
    async with app.tenant_transaction(tenant) as tx:
        assert await both.rewrap(tx)
    async with app.tenant_transaction(tenant) as tx:
        assert not await both.rewrap(tx)
    assert await signs(app, tenant, Keyring((NEW,)))
    with pytest.raises(Sealed):
        await signs(app, tenant, Keyring((OLD,)))


async def test_a_rotation_changes_nothing_that_the_key_has_encrypted(app: Database) -> None:
    tenant = await with_key(app)
    async with app.tenant_transaction(tenant) as tx:
        value = await KEYRING.encrypt(tx, "webhook", "secret", "1", b"value")
        await Keyring((NEW, OLD)).rewrap(tx)
        assert await Keyring((NEW,)).decrypt(tx, "webhook", "secret", "1", value) == b"value"


async def test_nobody_who_has_both_keys_notices_a_rotation_and_whoever_has_one_does(app: Database) -> None:
    tenant = await with_key(app)
    rewrapping = True
    done = {True: 0, False: 0}

    async def go_on_signing() -> None:
        number = 0
        while rewrapping:
            done[await signs(app, tenant, Keyring((OLD, NEW) if number % 2 else (NEW, OLD)))] += 1
            number += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(go_on_signing())
        with_one = 0
        for number in range(50):
            async with app.tenant_transaction(tenant) as tx:
                assert await Keyring((OLD, NEW) if number % 2 else (NEW, OLD)).rewrap(tx)
            try:
                await signs(app, tenant, Keyring((OLD,)))
            except Sealed:
                with_one += 1
        rewrapping = False
    assert (done[False], with_one) == (0, 25)
    assert done[True] > 20


async def test_the_worker_can_rewrap_and_sign(app: Database, made: TestDatabase) -> None:
    tenant = await with_key(app)
    worker = await connected(made.worker_url, role="loopctl_worker")
    try:
        async with worker.tenant_transaction(tenant) as tx:
            assert await Keyring((NEW, OLD)).rewrap(tx)
        assert await signs(worker, tenant, Keyring((NEW,)))
    finally:
        await worker.close()


async def test_another_secret_under_the_same_name_opens_nothing(app: Database) -> None:
    tenant = await with_key(app)
    with pytest.raises(DoesNotOpen):
        await signs(app, tenant, Keyring((Key(OLD.kid, secrets.token_bytes(32)),)))


async def test_without_a_key_encryption_key_nothing_is_made(app: Database) -> None:
    tenant = uuid4()
    async with app.tenant_transaction(tenant) as tx:
        with pytest.raises(Sealed):
            await new_log_key(tx, Keyring(()), Begin("example.org/t/x", "created", NOON))
    async with app.tenant_transaction(tenant) as tx:
        assert await read_log_keys(tx) == []
        with pytest.raises(NoLogKey):
            await log_signer(tx, KEYRING)


async def test_a_value_opens_only_in_its_own_place(app: Database) -> None:
    ann, bob = await with_key(app), await with_key(app)
    async with app.tenant_transaction(ann) as tx:
        value = await KEYRING.encrypt(tx, "webhook", "secret", "1", b"value")
        assert await KEYRING.decrypt(tx, "webhook", "secret", "1", value) == b"value"
        for place in (("webhook", "secret", "2"), ("webhook", "other", "1"), ("log_key", "secret", "1")):
            with pytest.raises(DoesNotOpen):
                await KEYRING.decrypt(tx, *place, value)
    async with app.tenant_transaction(bob) as tx:
        with pytest.raises(DoesNotOpen):
            await KEYRING.decrypt(tx, "webhook", "secret", "1", value)


@pytest.mark.parametrize(
    "swap",
    [
        # Another tenant's private key, and with the key that it is encrypted under.
        "UPDATE app.log_key SET private_key = (SELECT private_key FROM app.log_key WHERE tenant_id = $2)"
        " WHERE tenant_id = $1",
        "WITH other AS (SELECT kid, kek_kid, wrapped FROM app.tenant_key WHERE tenant_id = $2)"
        " UPDATE app.tenant_key SET (kid, kek_kid, wrapped) = (SELECT kid, kek_kid, wrapped FROM other)"
        " WHERE tenant_id = $1",
    ],
)
async def test_ciphertexts_that_were_swapped_between_tenants_do_not_open(
    app: Database, made: TestDatabase, swap: str
) -> None:
    ann, bob = await with_key(app), await with_key(app)
    assert await signs(app, ann, KEYRING)
    async with session(made.admin_url) as connection:
        assert await connection.execute(swap, ann, bob) == "UPDATE 1"
    with pytest.raises(DoesNotOpen):
        await signs(app, ann, KEYRING)
    assert await signs(app, bob, KEYRING)


async def test_private_keys_that_were_swapped_between_two_keys_of_a_tenant_do_not_open(
    app: Database, made: TestDatabase
) -> None:
    tenant = await with_key(app)
    async with session(made.admin_url) as connection:
        await connection.execute("UPDATE app.log_key SET last_size = 9 WHERE tenant_id = $1", tenant)
    await with_key(app, 5, tenant)
    async with app.tenant_transaction(tenant) as tx:
        assert len(await log_signers(tx, KEYRING, 7)) == 2
    async with session(made.admin_url) as connection:
        await connection.execute(
            "UPDATE app.log_key AS k SET private_key = o.private_key FROM app.log_key AS o"
            " WHERE k.tenant_id = $1 AND o.tenant_id = $1 AND k.vkey <> o.vkey",
            tenant,
        )
    with pytest.raises(DoesNotOpen):
        await signs(app, tenant, KEYRING)


async def test_during_a_rotation_both_keys_sign_the_boundary_and_then_only_the_new_one(
    app: Database, made: TestDatabase
) -> None:
    tenant = await with_key(app)
    async with session(made.admin_url) as connection:
        await connection.execute("UPDATE app.log_key SET last_size = 9 WHERE tenant_id = $1", tenant)
    await with_key(app, 5, tenant)
    async with app.tenant_transaction(tenant) as tx:
        keys = (await read_key_history(tx)).keys
        counting = [[each.key for each in await log_signers(tx, KEYRING, size)] for size in (4, 5, 9, 10)]
        assert (await log_signer(tx, KEYRING)).key == keys[1]
    assert counting == [[keys[0]], [*keys], [*keys], [keys[1]]]


async def test_two_keys_cannot_begin_at_one_size(app: Database) -> None:
    tenant = await with_key(app)
    with pytest.raises(asyncpg.UniqueViolationError):
        await with_key(app, 0, tenant)
