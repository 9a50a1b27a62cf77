"""Only the keys that this database knows open the service."""

import asyncio
import secrets

import pytest

from config.keys import Key
from eventstore.database.transaction import Database
from eventstore.keys.seal import Seal, check_seal, check_value, opens
from tests.support.database import TestDatabase, session

OPEN = Seal(sealed=False)


def new_key(kid: str) -> Key:
    return Key(kid, secrets.token_bytes(32))


OLD, NEW, OTHER = new_key("0000000a"), new_key("0000000b"), new_key("0000000c")


@pytest.fixture(autouse=True)
async def never_started(sample: TestDatabase) -> None:
    async with session(sample.admin_url) as connection:
        await connection.execute("DELETE FROM app.key_check")


async def known(sample: TestDatabase) -> list[str]:
    async with session(sample.admin_url) as connection:
        return [row["kid"] for row in await connection.fetch("SELECT kid FROM app.key_check ORDER BY kid")]


async def test_the_first_start_takes_the_key_for_its_own(sample: TestDatabase, server: Database) -> None:
    assert await check_seal(server, (OLD,)) == OPEN
    assert await known(sample) == [OLD.kid]
    assert await check_seal(server, (OLD,)) == OPEN


async def test_without_a_key_it_is_sealed_and_says_what_to_set(sample: TestDatabase, server: Database) -> None:
    for _ in range(2):
        seal = await check_seal(server, ())
        assert seal.sealed
        assert "LOOPCTL_KEKS" in (seal.reason or "")
    assert await known(sample) == []


async def test_a_key_that_the_database_does_not_know_leaves_it_sealed(sample: TestDatabase, server: Database) -> None:
    await check_seal(server, (OLD,))
    seal = await check_seal(server, (OTHER,))
    assert seal.sealed
    assert OLD.kid in (seal.reason or "")
    assert await known(sample) == [OLD.kid]


async def test_another_secret_under_a_known_name_leaves_it_sealed(server: Database) -> None:
    await check_seal(server, (OLD,))
    impostor = new_key(OLD.kid)
    for keys in ((impostor,), (NEW, impostor)):
        seal = await check_seal(server, keys)
        assert seal.sealed
        assert OLD.kid in (seal.reason or "")


async def test_a_rotation_takes_the_new_key_in_beside_the_old_one(sample: TestDatabase, server: Database) -> None:
    await check_seal(server, (OLD,))
    assert await check_seal(server, (NEW, OLD)) == OPEN
    assert await known(sample) == [OLD.kid, NEW.kid]
    assert await check_seal(server, (NEW,)) == OPEN, "the old one may go"


async def test_two_first_starts_with_different_keys_do_not_both_succeed(sample: TestDatabase, server: Database) -> None:
    seals = await asyncio.gather(*(check_seal(server, (key,)) for key in (OLD, NEW, OTHER)))
    assert sorted(seal.sealed for seal in seals) == [False, True, True]
    assert len(await known(sample)) == 1


async def test_no_reason_holds_a_secret(server: Database) -> None:
    await check_seal(server, (OLD,))
    for keys in ((), (OTHER,), (new_key(OLD.kid),)):
        reason = (await check_seal(server, keys)).reason or ""
        for key in (*keys, OLD):
            assert key.secret.hex() not in reason
            assert repr(key.secret)[2:-1] not in reason


def test_a_check_value_with_any_bit_flipped_does_not_open() -> None:
    value = check_value(OLD)
    assert opens(OLD, value)
    for bit in range(len(value) * 8):
        flipped = bytearray(value)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not opens(OLD, bytes(flipped)), f"bit {bit}"


def test_a_check_value_cut_short_or_moved_to_another_key_does_not_open() -> None:
    value = check_value(OLD)
    assert not any(opens(OLD, value[:length]) for length in range(len(value)))
    same_secret = Key(NEW.kid, OLD.secret)
    moved = value[:1] + bytes.fromhex(NEW.kid) + value[5:]
    assert not opens(same_secret, moved)
