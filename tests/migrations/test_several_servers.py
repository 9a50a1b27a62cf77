"""An address with several servers says which of them is meant; without it a connection may end at a standby."""

import asyncio

import pytest

from api.start import checked_database
from config.refusal import StartRefused
from config.settings import Settings
from eventstore.database.transaction import Database, WrongRole
from migrations.connection import connected, names_one_server
from migrations.errors import MigrationError
from operations.reaching import app_database
from workers.start import Addresses
from workers.start import checked_database as checked_database_of_worker

TWO = "postgresql://loopctl_app:secret@localhost:1,localhost:2/loopctl"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://a:b@localhost:5432/loopctl",
        "postgresql://a:b,c@localhost/loopctl",
        "postgresql:///loopctl?host=/run/postgresql",
        TWO + "?target_session_attrs=read-write",
        TWO + "?target_session_attrs=primary",
        "postgresql:///loopctl?host=a,b&target_session_attrs=read-write",
    ],
)
def test_one_server_or_the_one_that_takes_writes_is_meant(url: str) -> None:
    assert names_one_server(url)


@pytest.mark.parametrize(
    "url",
    [
        TWO,
        TWO + "?target_session_attrs=any",
        TWO + "?target_session_attrs=prefer-standby",
        TWO + "?target_session_attrs=standby",
        "postgresql:///loopctl?host=a,b",
        "postgresql:///loopctl?host=a&host=b,c",
    ],
)
def test_several_servers_without_a_word_about_which_are_not(url: str) -> None:
    assert not names_one_server(url)


async def test_the_refusal_says_how_it_is_done_right_and_tells_no_secret() -> None:
    with pytest.raises(WrongRole, match="target_session_attrs=read-write") as refused:
        await Database.connect(TWO, role="loopctl_app")
    assert "secret" not in str(refused.value)


async def test_the_api_the_worker_and_the_operator_refuse_it() -> None:
    settings = Settings(database_url=TWO)
    with pytest.raises(StartRefused, match="target_session_attrs"):
        await checked_database(settings)
    with pytest.raises(StartRefused, match="target_session_attrs"):
        await checked_database_of_worker(Addresses(TWO, "", replicated=False), 1, asyncio.Event())
    with pytest.raises(WrongRole, match="target_session_attrs"):
        async with app_database(settings):
            pass
    with pytest.raises(MigrationError, match="target_session_attrs"):
        async with connected(TWO):
            pass
