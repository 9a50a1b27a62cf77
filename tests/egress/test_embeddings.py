"""Vectors from an OpenAI-compatible server: what is asked, what is taken for an answer, when it is left alone."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from config.loader import load_settings, shown
from config.settings import Settings
from egress.client import Egress
from egress.destination import Rules
from egress.embeddings import EmbeddingFailed, Guarded, provider_of
from tests.support.embedding_server import EmbeddingServer, embedding_server, length


@pytest.fixture
async def server() -> AsyncIterator[EmbeddingServer]:
    async with embedding_server() as running:
        yield running


async def failure(server: EmbeddingServer, **changes: Any) -> EmbeddingFailed:
    with pytest.raises(EmbeddingFailed) as caught:
        await server.provider(**changes).embed(["a car"], 60)
    return caught.value


async def test_texts_become_vectors_of_length_one_in_their_order(server: EmbeddingServer) -> None:
    car, hen = await server.provider().embed(["a car", "a hen"], 60)
    assert (car.index(max(car)), hen.index(max(hen))) == (0, 3)
    assert length(car) == pytest.approx(1.0)
    (asked,) = server.asked
    assert asked.path == "/v1/embeddings"
    assert asked.headers["authorization"] == "Bearer sk-very-secret"
    assert asked.body == {"model": "topics", "input": ["a car", "a hen"], "encoding_format": "float"}


async def test_dimensions_are_asked_for_and_insisted_on(server: EmbeddingServer) -> None:
    assert len((await server.provider(dimensions=5).embed(["a car"], 60))[0]) == 5
    assert server.asked[0].body["dimensions"] == 5
    assert (await failure(server, dimensions=6)).kind == "dimension_mismatch"


@pytest.mark.parametrize("status", [301, 400, 401, 429, 500])
async def test_a_status_that_is_not_200_is_told_without_what_the_answer_says(
    server: EmbeddingServer, status: int
) -> None:
    server.failing(status)
    failed = await failure(server)
    assert (str(failed), failed.input_refused) == (f"status_{status}", status == 400)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b'{"data": []}', b'{"data": [{"index": 1, "embedding": [1]}]}',
        b'{"data": [{"index": 0, "embedding": ["x"]}]}', b'{"data": [{"index": 0, "embedding": [0, 0]}]}',
        b'{"data": [{"index": 0, "embedding": [1e999]}]}', b'{"data": [{"index": 0, "embedding": [1e308, 1e308]}]}',
        json.dumps({"data": [{"index": 0, "embedding": [1]}] * 2}).encode(),
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_no_vector(server: EmbeddingServer, body: bytes) -> None:
    server.failing(200, body)
    assert (await failure(server)).kind == "unreadable_answer"


async def test_a_server_that_closes_or_is_not_there_fails(server: EmbeddingServer) -> None:
    server.says = lambda _: None
    assert (await failure(server)).kind == "connection_error"
    assert (await failure(server, url="http://127.0.0.1:1/v1")).kind == "connection_error"


async def test_it_goes_nowhere_that_the_operator_has_not_allowed(server: EmbeddingServer) -> None:
    assert (await failure(server, egress=Egress(Rules(http=True)))).kind == "address_refused"
    assert server.asked == []


async def test_after_three_failures_it_is_left_alone_for_half_a_minute(server: EmbeddingServer) -> None:
    now = [0.0]
    guarded = Guarded(server.provider(), lambda: now[0])
    server.failing(500)
    for _ in range(5):
        with pytest.raises(EmbeddingFailed):
            await guarded.embed("x")
    assert len(server.asked) == 3
    server.says = server.well
    now[0] = 29.9
    with pytest.raises(EmbeddingFailed, match="resting"):
        await guarded.embed("x")
    now[0] = 30.1
    assert await guarded.embed("x")


async def test_failures_far_apart_or_with_a_success_between_leave_it_asked(server: EmbeddingServer) -> None:
    now = [0.0]
    guarded = Guarded(server.provider(), lambda: now[0])
    for number in range(6):
        server.failing(500)
        now[0] += 31
        with pytest.raises(EmbeddingFailed, match="status_500"):
            await guarded.embed("x")
        assert len(server.asked) == number + 1


def test_the_key_is_a_secret_setting_and_no_provider_is_the_default() -> None:
    assert provider_of(Settings(), Egress(Rules())) is None
    told = {"LOOPCTL_EMBEDDINGS_URL": "https://x.example/v1", "LOOPCTL_EMBEDDINGS_KEY": "sk-1"}
    loaded = load_settings({}, told)
    assert loaded.settings.embeddings_key == "sk-1"
    assert "sk-1" not in str([*shown(loaded)])
