"""Witnesses that answer wrongly are told apart, and none of them is believed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loopctl.tlog.signer import Cosigner, sign_checkpoint
from loopctl.tlog.witness import SIZE_MEDIA_TYPE
from loopctl.witness.asking import WitnessAt, WitnessRefuses, cosigned
from loopctl.witness.serving import Serving
from tests.loopctl.tlog.samples import COSIGNED_AT, LOG, WITNESS, private_key
from tests.loopctl.witness.histories import OTHER, PARTS_AT, head, proof, sent, witness_in

NOTE = sign_checkpoint(head(12), [LOG]).encode()


@contextmanager
def in_thread(server: ThreadingHTTPServer) -> Iterator[WitnessAt]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield WitnessAt(f"http://127.0.0.1:{server.server_address[1]}/", WITNESS.key)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def saying(status: int, body: bytes, kind: str = "text/plain") -> Iterator[WitnessAt]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with in_thread(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as at:
        yield at


STRANGER = Cosigner("stranger.example", private_key(0x10))


@pytest.mark.parametrize(
    ("status", "body", "media_type", "kind"),
    [
        (404, b"who?\n", "text/plain", "unknown_log"),
        (403, b"who?\n", "text/plain", "unknown_log"),
        (422, b"no\n", "text/plain", "disagrees"),
        (503, b"later\n", "text/plain", "unavailable"),
        (409, b"13\n", SIZE_MEDIA_TYPE, "ahead"),
        (409, b"many\n", SIZE_MEDIA_TYPE, "malformed"),
        (409, b"7\n", "text/html", "malformed"),
        (409, b"7\n", SIZE_MEDIA_TYPE, "unavailable"),
        (200, b"", "text/plain", "malformed"),
        (200, STRANGER.cosign(head(12), COSIGNED_AT).encode().encode(), "text/plain", "malformed"),
        (200, WITNESS.cosign(head(11), COSIGNED_AT).encode().encode(), "text/plain", "malformed"),
        (200, b"\xff" * 70_000, "text/plain", "malformed"),
        (302, b"", "text/plain", "malformed"),
    ],
)
def test_an_answer_that_is_no_cosignature_says_what_it_is(status: int, body: bytes, media_type: str, kind: str) -> None:
    with saying(status, body, media_type) as at, pytest.raises(WitnessRefuses) as refused:
        cosigned(NOTE, at, proof)
    assert refused.value.kind == kind


def test_a_conflict_is_answered_with_a_proof_from_the_size_that_it_says(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    assert witness.add_checkpoint(sent(0, PARTS_AT)).status == 200
    with in_thread(Serving(witness, "127.0.0.1", 0)) as at:
        assert cosigned(NOTE, at, proof).count(b"witness.example") == 1
        assert cosigned(cosigned(NOTE, at, proof), at, proof, 12).count(b"witness.example") == 1


def test_a_witness_of_another_history_disagrees(tmp_path: Path) -> None:
    witness = witness_in(tmp_path)
    assert witness.add_checkpoint(sent(0, 9, OTHER)).status == 200
    with in_thread(Serving(witness, "127.0.0.1", 0)) as at, pytest.raises(WitnessRefuses) as refused:
        cosigned(NOTE, at, proof)
    assert refused.value.kind == "disagrees"
