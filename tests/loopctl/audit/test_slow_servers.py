"""A server that sends a byte now and then is given up, wherever in its answer it does that."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from loopctl.audit.fault import Unreadable
from loopctl.audit.remote import PATIENCE, Client

MOST = 1 << 20
BETWEEN = 0.02
LONG = b"a" * 1_000_000
KINDS = {
    "its first line": b"HTTP/1.1 " + LONG,
    "its headers": b"HTTP/1.1 200 OK\r\nX-Long: " + LONG,
    "its body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + LONG,
    "its chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 160_000,
    "the size of a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + LONG,
}


@contextmanager
def dripping(answer: bytes, quickly: int) -> Iterator[str]:
    """Sends ``quickly`` bytes at once and then one after the other, until the client has had enough."""
    ended = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            try:
                connection.sendall(answer[:quickly])
                for byte in answer[quickly:]:
                    if ended.wait(BETWEEN):
                        return
                    connection.sendall(bytes([byte]))
            except OSError:
                """The client has gone."""

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/checkpoint"
        finally:
            ended.set()
            thread.join()


@contextmanager
def asking(patience: float) -> Iterator[Client]:
    client = Client(patience=patience)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("answer", KINDS.values(), ids=KINDS)
def test_an_answer_that_drips_has_an_end(answer: bytes) -> None:
    """Went red while each read had a limit and the whole had none: a million bytes would take more than five hours."""
    with dripping(answer, 0) as url, asking(patience=0.5) as client, pytest.raises(Unreadable, match="too slow"):
        client.get(url, MOST // 1000)


def test_an_answer_that_comes_in_pieces_within_its_time_is_taken() -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n" + b"a" * 50
    with dripping(body, len(body) - 10) as url, asking(PATIENCE) as client:
        assert client.get(url, MOST) == b"a" * 50
