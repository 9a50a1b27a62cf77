"""The limiter's wire to Redis: whole answers only, in order, and the end of the connection for anything else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from api.http.rate_limits.counts import (
    LONGEST_ANSWER,
    LONGEST_LINE,
    Broken,
    ErrorReply,
    RedisCounts,
    Unreachable,
    Wire,
    command,
    parsed,
)
from tests.api.limiters import client

GOOD: list[tuple[bytes, object]] = [
    (b"+OK\r\n", "OK"),
    (b":0\r\n", 0),
    (b":-5\r\n", -5),
    (b"*0\r\n", []),
    (b"*3\r\n:1\r\n:-2\r\n:1800000000000\r\n", [1, -2, 1_800_000_000_000]),
]

BAD = [
    b"$2\r\nOK\r\n", b"$-1\r\n", b"*-1\r\n", b"*2\r\n:1\r\n$1\r\n1\r\n", b"*1\r\n*0\r\n", b"*1\r\n:1.5\r\n",
    b"*1\r\n:inf\r\n", b"*1\r\n:nan\r\n", b"*1\r\n:\r\n", b"*1\r\n: 1\r\n", b"*1\r\n:+1\r\n", b"*1\r\n:1_0\r\n",
    b":12345678901234567890\r\n", b"*99999999999\r\n", b"*x\r\n", b"%1\r\n", b"_\r\n", b",1.5\r\n", b"#t\r\n",
    b"*4097\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"x" * (LONGEST_LINE + 1), b"*2\r\nrubbish\r\n",
]  # fmt: skip


def test_a_command_says_how_long_its_words_are() -> None:
    assert command(["SET", "ü", 5]) == b"*3\r\n$3\r\nSET\r\n$2\r\n\xc3\xbc\r\n$1\r\n5\r\n"


@pytest.mark.parametrize(("sent", "means"), GOOD)
def test_an_answer_is_read_when_it_is_whole(sent: bytes, means: object) -> None:
    for end in range(len(sent)):
        assert parsed(sent[:end]) is None
    assert parsed(sent) == (means, len(sent))
    assert parsed(sent + b"+next\r\n") == (means, len(sent))


@pytest.mark.parametrize("sent", BAD)
def test_anything_else_is_no_answer(sent: bytes) -> None:
    with pytest.raises(Broken):
        parsed(sent)


@asynccontextmanager
async def answering(folder: Path, answer: Callable[[bytes], bytes]) -> AsyncIterator[str]:
    """A server that says what it is told to, to each piece that it reads."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(1 << 16):
                writer.write(answer(piece))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    path = folder / "redis.sock"
    server = await asyncio.start_unix_server(serve, path)
    try:
        yield f"unix://{path}"
    finally:
        server.close()


@pytest.mark.parametrize("said", [b"-ERR no\r\n", b"$2\r\nOK\r\n", b"junk\r\n", b"*30000\r\n", b"+" * 5000])
async def test_who_answers_otherwise_is_unreachable(tmp_path: Path, said: bytes) -> None:
    async with answering(tmp_path, lambda _: said) as url, RedisCounts(url) as counts:
        for _ in range(3):
            with pytest.raises(Unreachable):
                await counts.run(["a"], [1])


async def test_an_answer_to_nothing_ends_the_connection(tmp_path: Path) -> None:
    """Or the next command would get it."""
    said = iter((b":1\r\n:666\r\n", b":2\r\n"))
    async with answering(tmp_path, lambda _: next(said)) as url, RedisCounts(url) as counts:
        assert await counts.run([], []) == 1
        assert await counts.run([], []) == 2


async def test_an_answer_without_an_end_is_not_kept() -> None:
    wire = Wire()
    wire.connection_made(_Silent())
    asking = asyncio.ensure_future(wire.ask(b"x"))
    await asyncio.sleep(0)
    wire.data_received(b"*2\r\n:")
    for _ in range(LONGEST_ANSWER // 1000 + 1):
        wire.data_received(b"1" * 1000)
    with pytest.raises(Broken):
        await asking
    assert not wire.open


class _Silent(asyncio.Transport):
    def write(self, data: object) -> None:
        pass

    def abort(self) -> None:
        pass


async def test_an_answer_that_nobody_waits_for_any_more_goes_to_nobody_else(redis_url: str) -> None:
    async with RedisCounts(redis_url, "return tonumber(ARGV[1])") as counts:
        assert await counts.run([], [0]) == 0
        for number in range(1, 50):
            asking = asyncio.ensure_future(counts.run([], [number]))
            for _ in range(number % 4):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            assert await counts.run([], [-number]) == -number


async def test_many_at_once_get_their_own_answers_over_one_connection(redis_url: str) -> None:
    async with RedisCounts(redis_url, "return tonumber(ARGV[1])") as counts, client(redis_url) as redis:
        before = len(await redis.client_list())
        found = await asyncio.gather(*(counts.run([], [number]) for number in range(200)))
        assert found == list(range(200))
        assert len(await redis.client_list()) == before + 1


async def test_a_script_that_redis_has_forgotten_is_sent_again_and_a_lost_connection_made_again(redis_url: str) -> None:
    async with RedisCounts(f"{redis_url}?db=3", f"-- {uuid4()}\nreturn 7") as counts, client(redis_url) as redis:
        assert await counts.run([], []) == 7
        await redis.script_flush()
        assert await counts.run([], []) == 7
        await redis.client_kill_filter(_type="normal", skipme=True)
        await asyncio.sleep(0.05)
        assert await counts.run([], []) == 7
        name = f"test:{uuid4()}"
        await counts.put(name, 5, 60)
        assert await redis.get(name) is None, "another database"


async def test_a_password_and_a_database_are_given(tmp_path: Path) -> None:
    heard = list[bytes]()

    def answer(piece: bytes) -> bytes:
        heard.append(piece)
        return b":1\r\n" if b"EVALSHA" in piece else b"+OK\r\n"

    async with answering(tmp_path, answer) as url, RedisCounts(f"{url}?db=4&username=ann&password=p%C3%BC") as counts:
        assert await counts.run([], []) == 1
    assert heard[:2] == [command(["AUTH", "ann", "pü"]), command(["SELECT", 4])]


async def test_a_wrong_password_is_no_connection(tmp_path: Path) -> None:
    async with (
        answering(tmp_path, lambda _: b"-WRONGPASS no\r\n") as url, RedisCounts(f"{url}?password=x") as counts,
    ):  # fmt: skip
        with pytest.raises(Unreachable) as refused:
            await counts.run([], [])
    assert isinstance(refused.value.__cause__, ErrorReply)
