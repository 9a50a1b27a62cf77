"""`loopctl webhook`: what it asks; signatures that it checks; events that it forwards to this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from loopctl.webhook_signatures import NotSigned, check, sign_attempt, sign_body, standard_secret
from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import Answer, error, stub

SECRET = "0123456789abcdef" * 4
BODY = b'{"event":"webhook.test","id":"00000000-0000-0000-0000-000000000001"}'
SIGNED = "sha256=59362a6745cb48fb9d18cf794fbebac95ccc61206160970d302cb7c19073dae7"
"""Spec 02, appendix B.7."""
ID = "0193a2b4-0000-7000-8000-000000000061"


@pytest.fixture
def body(tmp_path: Path) -> Path:
    (tmp_path / "body.json").write_bytes(BODY)
    return tmp_path / "body.json"


def test_the_vectors_of_the_contract_are_signed() -> None:
    assert sign_body("secret", b"{}") == "sha256=77325902caca812dc259733aacd046b73817372c777b8d95b402647474516e13"
    assert sign_body(SECRET, BODY) == SIGNED


def test_both_spellings_of_a_secret_are_one() -> None:
    signature = sign_attempt(SECRET, ID, "1700000000", BODY)
    headers = {"webhook-id": ID, "webhook-timestamp": "1700000000", "webhook-signature": signature}
    assert check(SECRET, headers, BODY, now=1700000000) == ID
    assert check(standard_secret(SECRET), headers, BODY, now=1700000000) == ID
    assert Webhook(standard_secret(SECRET))._whsecret == SECRET.encode()


def test_a_good_signature_is_good(alone: Shell, body: Path) -> None:
    alone.environment(WEBHOOK_SECRET=SECRET)
    said = alone.good("webhook", "verify", str(body), "--signature", SIGNED)
    assert said == {"signed": True, "delivery_id": None, "covers": ["body"]}


@pytest.mark.parametrize(
    ("secret", "signature", "said"),
    [
        (SECRET, SIGNED[:-1] + "0", "not what was signed"),
        ("f" * 64, SIGNED, "another secret"),
        ("whsec_%%%", SIGNED, "whsec_ and base64"),
        (SECRET, "v1,AAAA", "missing or cannot be read"),
    ],
)
def test_a_bad_one_is_not_and_the_exit_code_says_so(
    alone: Shell, body: Path, secret: str, signature: str, said: str
) -> None:
    found = alone("webhook", "verify", str(body), "--signature", signature, "--secret", secret)
    assert (found.code, found.out) == (10, "")
    assert said in found.error()["error"]["message"]


def test_a_request_is_checked_by_its_headers_and_an_old_one_is_a_repetition(alone: Shell, body: Path) -> None:
    signature = sign_attempt(SECRET, ID, "1700000000", BODY)
    headers = body.with_name("headers.txt")
    headers.write_text(
        f"POST /hook HTTP/1.1\nwebhook-id: {ID}\nWebhook-Timestamp: 1700000000\nwebhook-signature: {signature}\n"
    )
    found = alone("webhook", "verify", str(body), "--headers", str(headers), "--secret", SECRET)
    assert found.code == 10
    assert "a repetition" in found.error()["error"]["message"]
    headers.write_text(f"X-Loopctl-Signature: {SIGNED}\n")
    assert alone.good("webhook", "verify", str(body), "--headers", str(headers), "--secret", SECRET)["signed"]


@pytest.mark.parametrize("timestamp", ["", "-1", "1.5", "\u0661", "9" * 5000])
def test_a_time_that_is_none_is_said_by_whoever_signed_it(timestamp: str) -> None:
    signature = sign_attempt(SECRET, ID, timestamp, BODY)
    signed = {"webhook-id": ID, "webhook-timestamp": timestamp, "webhook-signature": signature}
    with pytest.raises(NotSigned, match="missing or cannot be read"):
        check(SECRET, signed, BODY)


def test_what_is_said_is_asked(alone: Shell) -> None:
    alone.environment(API_KEY="k")
    with stub(Answer(201, {"webhook": {"id": ID}})) as server:
        alone.environment(SERVER=server.address)
        said = alone("webhook", "create", "--url", "https://a.example/", "--events", "story.verified, story.rejected")
    assert [(each.method, each.path) for each in server.asked] == [("POST", "/api/v1/webhooks")]
    assert "shown this once" in said.err


@contextmanager
def receiver(status: int = 200) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    seen: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(
                (
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(int(self.headers["Content-Length"])),
                )
            )
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def change(position: int, payload: Any) -> dict[str, Any]:
    return {"position": position, "entity_type": "story", "payload": payload}


def test_events_are_forwarded_signed_until_the_server_refuses(alone: Shell) -> None:
    verified = {"id": ID, "event": "story.verified", "position": 4}
    page = [change(3, None), change(4, verified), change(5, {**verified, "event": "epic.completed", "position": 5})]
    alone.environment(API_KEY="k")
    with stub(Answer(200, {"data": page, "cursor": 5, "has_more": True}), error(403, "no")) as server, receiver() as at:
        alone.environment(SERVER=server.address)
        url, seen = at
        said = alone("webhook", "listen", "--forward-to", url, "--events", "story.verified", "--secret", SECRET)
    assert "payloads=true" in server.asked[0].path
    ((headers, body),) = seen
    assert Webhook(standard_secret(SECRET)).verify(body, headers)["event"] == "story.verified"
    assert sign_body(SECRET, body) == headers["x-loopctl-signature"]
    assert '"answer":"HTTP 200"' in said.out.replace('": "', '":"')
    assert said.code == 3


def test_a_receiver_that_is_not_there_is_said_and_does_not_end_it(alone: Shell) -> None:
    page = [change(4, {"id": ID, "event": "story.verified", "position": 4})]
    alone.environment(API_KEY="k")
    with stub(Answer(200, {"data": page, "cursor": 5, "has_more": True}), error(403, "no")) as server:
        alone.environment(SERVER=server.address)
        said = alone("webhook", "listen", "--forward-to", "http://127.0.0.1:9/hook")
    assert "not sent" in said.out
    assert (said.code, len(server.asked)) == (3, 2)
    assert "whsec_" in said.err
