"""Whatever answers, and however: each command ends with a documented exit code and one line, never with a traceback."""

import gzip
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cyclopts import App

from loopctl.cli.commands import GROUPS
from loopctl.cli.exits import Exit
from loopctl.cli.main import app
from tests.loopctl.cli.shell import Said, Shell
from tests.loopctl.cli.stub import Answer, stub

ID = "0193a2b4-0000-7000-8000-000000000001"
HTML = b"<!DOCTYPE html><html><head><title>Sign in \x1b[2J to the proxy</title></head><body>x</body></html>"
ELSEWHERE = {"Location": "https://elsewhere.example/api/v1/tenants/me"}

SUCCESSES: dict[str, Any] = {
    "a page": HTML, "a list": [], "a list of things": [{"id": ID}], "nothing": b"", "null": None, "a number": 7,
    "half of it": b'{"data": [{"id": "', "no UTF-8": b'{"data": "caf\xe9"}', "brackets": b"[" * 100_000,
    "packed": gzip.compress(b'{"data": []}'), "an empty object": {}, "no list": {"data": None},
    "a text for a list": {"data": "text"}, "a number for a list": {"data": 7}, "items that are none": {"data": [None]},
    "items of text": {"data": ["x", 7, []]}, "empty items": {"data": [{}], "meta": {"total_count": 9}},
    "totals that are none": {"data": [], "meta": {"total_count": "many", "page_size": []}, "has_more": 1, "cursor": []},
    "a list for the meta": {"data": [], "meta": [], "pagination": "x"}, "a story that is a text": {"story": "x"},
    "an empty story": {"story": {}}, "a story of other types": {"story": {"title": [], "acceptance_criteria": "abc"}},
    "no story": {"story": None, "state": None, "tenant": None, "progress": None, "project": None, "import": None},
    "texts for objects": {"tenant": "x", "api_key": "y", "progress": "z", "state": "v", "project": "p"},
    "empty objects": {"tenant": {}, "api_key": {}, "progress": {}, "state": {}, "project": {}, "import": {}},
    "a huge number": b'{"data": [{"id": ' + b"9" * 400 + b"}]}",
}  # fmt: skip
FAILURES: dict[str, Answer] = {
    "moved": Answer(301, b"", ELSEWHERE), "moved to nowhere": Answer(302, HTML), "moved to junk":
    Answer(307, b"", {"Location": "http://[::"}), "moved here": Answer(308, b"", {"Location": "/login"}),
    "not modified": Answer(304, b""), "refused by a page": Answer(403, HTML), "a list of errors": Answer(422, [1]),
    "an error of one word": Answer(400, {"error": "bad"}), "errors of others": Answer(500, {"errors": {"detail": "x"}}),
    "an error of other types": Answer(409, {"error": {"message": [1], "code": {}, "status": "x", "details": 7}}),
    "an empty error": Answer(404, b""), "a busy proxy": Answer(502, HTML), "odd seconds": Answer(
        429, {"error": {"code": "rate_limited", "message": "later"}}, {"Retry-After": "\xb2"}),
    "many seconds": Answer(503, HTML, {"Retry-After": "9" * 5000}), "plain to TLS": Answer(
        400, b"<title>400 The plain HTTP request was sent to HTTPS port</title>"), "no code at all": Answer(999, HTML),
    "cut": Answer(0), "longer than it is": Answer(200, {"data": []}, {"Content-Length": "1000"}),
}  # fmt: skip
ANSWERS = {**{name: Answer(200, body) for name, body in SUCCESSES.items()}, **FAILURES}

COMMANDS = (
    "auth login --key k", "auth whoami", "auth login --key k --role agent", "doctor", "demo --api-key k --timeout 1",
    "project create my-app", "project list", "project list --all", "project info p", f"project info {ID}",
    "project archive 'A name'", "tenant info", "tenant update --setting a=1", "import FILE -p p", "export -p p",
    "export --to csv -p p", "export --to jsonl -p p", "export --to markdown --output FOLDER -p p",
    "export --to spec-kit --output ISSUES -p p", "sync ISSUES -p p --from beads",
    "status", "status 2.1", f"status {ID}", "status --epic 2", "stories", "next", "next --all", "blocked", "pending",
    "story comment 2.1 Seen", "story comments 2.1", "story evidence 2.1", "ci check 2.1 -p p",
    "ci report 2.1 --junit FILE -p p", "waiting", "waiting --epic 2", "prime", "prime -p p",
    "contract 2.1", f"contract {ID}", "claim 2.1", "claim --next", "start 2.1", "request-review 2.1", "heartbeat 2.1",
    "unclaim 2.1", "unclaim 2.1 --force", "report 2.1", "review-complete 2.1", "verify 2.1", f"verify {ID}",
    "report-run 2.1 --status pass --commit-sha 9fceb02d", "recover-cap 2.1", "draw-verifier 2.1",
    "dispatch create --role agent", "dispatch list", f"dispatch show {ID}", f"dispatch revoke {ID}",
    "reject 2.1 --reason r", "backfill 2.1 --reason r", "history 2.1",
    "log story-proof 2.1", "log rotate-key", "log texts", "log erase 7 --reason r",
    "changes", "audit", "wait 2.1 --timeout 0",
    "wait --timeout 0", f"wait {ID} --timeout 0", "agent register --name a", "agent list", "keys list",
    "agent new-cosigner a --output k", "agent set-cosigner a --cosigner k --proof p",
    "keys create --name a --role agent", f"keys revoke {ID}", f"keys rotate {ID}", "state save --data {}", "state load",
    "token-usage", "token-usage --story 2.1", "cost-summary", "cost-anomalies", "anomalies", "skill list",
    "budget set --scope epic --epic 2 --limit 1", "budget list", "skill get loopctl:review", "admin stats",
    "skill get a", "skill get a --version 2 --text", "skill history a", "skill diff a", "skill stats a",
    "skill costs a",
    "knowledge search a", f"knowledge get {ID}", f"knowledge get {ID} --text", "knowledge context a", "knowledge index",
    "knowledge create --title a --category pattern --file FILE", "knowledge drafts", f"knowledge publish {ID}",
    "knowledge ingest https://a.example/", "knowledge ingest FILE --file", "knowledge ingestions",
    f"knowledge publish {ID} {ID}", f"knowledge unpublish {ID}", f"knowledge archive {ID}",
    "knowledge lint", "knowledge export OUT", "knowledge import WIKI",
    "skill create --name a --file FILE", "skill update a --file FILE", "skill archive a", "skill import",
    "admin tenants", f"admin tenant {ID}", f"admin suspend {ID}", f"admin activate {ID}", "api GET stories",
    "api DELETE x", "status --impersonate acme --as user", "admin impersonate acme get x", "next --fields title,id",
    "webhook create --url u --events e", "webhook list", "webhook types", f"webhook show {ID}",
    f"webhook update {ID} --activate", f"webhook delete {ID}", f"webhook test {ID}", f"webhook deliveries {ID}",
    f"webhook deliveries {ID} {ID}", f"webhook redeliver {ID} {ID}",
    f"webhook replay {ID} --since 2026-01-01T00:00:00Z", f"webhook rotate {ID}",
)  # fmt: skip
ARTICLE = "---\ntitle: a\ncategory: pattern\n---\n\ntext\n"
FORMS = ("json", "human", "csv")
WITHOUT_A_SERVER = {"up", "config", "config set", "config get", "config show", "config server", "completion", "log",
                    "log verify", "log receipt", "log fsck", "log check-story", "log fork-proof", "log cosign",
                    "witness", "auth logout", "webhook listen", "webhook verify", "mcp",
                    "setup"}  # fmt: skip


def told(said: Said, line: str) -> str:
    """What is wrong with the end of a command; nothing when it is as documented."""
    if said.code not in {*Exit}:
        return f"{line}: exit {said.code}"
    if "Traceback" in said.err or '"fault"' in said.err or "fault of loopctl" in said.err:
        return f"{line}: {said.err}"
    if {*"\x1b\x9b"} & {*said.err, *said.out}:
        return f"{line}: a control character"
    if said.code and not said.err.strip() and not line.startswith("doctor"):
        return f"{line}: nothing is said"
    return ""


@pytest.fixture(autouse=True)
def one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """How often what passes is tried again is another test's."""
    monkeypatch.setattr("loopctl.conversation.ATTEMPTS", 1)


@pytest.mark.parametrize("number", range(len(ANSWERS)), ids=ANSWERS)
def test_no_answer_brings_a_traceback(alone: Shell, number: int, tmp_path: Any) -> None:
    """Red in hundreds of cases: pages, lists and empty bodies as successes, Retry-After of other digits. Each answer
    meets every sixth command, or all of them with LOOPCTL_TEST_ALL, which takes minutes."""
    answer, apart = [*ANSWERS.values()][number], 1 if "LOOPCTL_TEST_ALL" in os.environ else 6
    (tmp_path / "f.json").write_text('{"epics": [{"number": 1, "title": "x"}]}')
    (tmp_path / "a.md").write_text(ARTICLE)
    (tmp_path / "i.jsonl").write_text('{"id": "a", "title": "A"}')
    with stub(answer) as server:
        alone.environment(SERVER=server.address, PROJECT="p")
        ends = []
        for place, line in enumerate(COMMANDS[number % apart :: apart]):
            said = alone(*_words(line, tmp_path), "--format", FORMS[(place + number // apart) % len(FORMS)])
            ends.append(told(said, line))
    assert [end for end in ends if end] == []


@pytest.mark.parametrize("name", ["a page", "nothing", "half of it", "a list"])
@pytest.mark.parametrize("line", ["status 2.1", "auth login --key k", "project create my-app", "next"])
def test_what_is_no_loopctl_server_is_said(alone: Shell, name: str, line: str) -> None:
    with stub(ANSWERS[name]) as server:
        alone.environment(SERVER=server.address)
        said = alone(*line.split())
    assert (said.code, said.out, said.error()["error"]["code"]) == (Exit.FAILED, "", "not_loopctl")
    assert server.address in said.error()["error"]["message"]
    assert not alone.config.exists(), "nothing is kept of it"


def test_a_right_answer_is_shown(alone: Shell) -> None:
    """The control."""
    with stub(Answer(200, {"data": [], "meta": {"total_count": 0}})) as server:
        assert alone("next", "--server", server.address).code == Exit.DONE


def test_every_command_is_tried() -> None:
    tried = {line.split(" -")[0] for line in COMMANDS} | WITHOUT_A_SERVER
    missing = [name for name in _leaves(app) if not any(each == name or each.startswith(f"{name} ") for each in tried)]
    assert missing == []


@pytest.mark.parametrize(
    "sent",
    [b"\x15\x03\x01\x00\x02\x02\x16", b"HTTP/1.1 banana\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", b"\0" * 100, b"",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200,
     b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000],
)  # fmt: skip
def test_what_is_no_http_is_said(alone: Shell, sent: bytes) -> None:
    with saying(sent) as address:
        said = alone("status", ID, "--server", address)
    assert (said.code in (0, 1), told(said, "status")) == (True, "")


def test_a_server_of_tls_says_https(alone: Shell) -> None:
    with saying(b"\x15\x03\x01\x00\x02\x02\x16") as address:
        said = alone("status", ID, "--server", address)
    assert f"https://{address.partition('://')[2]}" in said.error()["hint"]


@pytest.mark.parametrize(
    "server", ["http://", "http://[::", "http://x:port", "http://a..b", "ftp://x", "x", "http://x y"]
)
def test_an_address_that_is_none_is_refused(alone: Shell, server: str) -> None:
    """A port of letters was a traceback."""
    for line in ("status", "doctor"):
        said = alone(line, "--server", server, *((ID,) if line == "status" else ()))
        assert (said.code in (1, 2, 10), told(said, line)) == (True, "")


@pytest.mark.parametrize("key", ["lc_…", "lc_a\nX-Other: 1", "lc_\x1b"])
def test_a_key_that_no_header_takes_is_refused(alone: Shell, key: str) -> None:
    said = alone("status", ID, "--server", "http://127.0.0.1:9", "--api-key", key)
    assert (said.code, told(said, "status")) == (2, "")


@contextmanager
def saying(sent: bytes) -> Iterator[str]:
    """A server that says this to whoever comes, and hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(1 << 16)
                connection.sendall(sent)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def _words(line: str, folder: Any) -> list[str]:
    words = json.loads(json.dumps(line.replace("'A name'", "A_name"))).split(" ")
    meant = {"A_name": "A name", "FILE": str(folder / "f.json"), "WIKI": str(folder), "OUT": str(folder / "out.zip")}
    meant |= {"FOLDER": str(folder / "new"), "ISSUES": str(folder / "i.jsonl")}
    return [meant.get(word, word) for word in words]


def _leaves(of: App, before: str = "") -> Iterator[str]:
    for group in GROUPS.values():
        for each in group:
            yield from _below(of[each.name], each.name)


def _below(command: Any, name: str) -> Iterator[str]:
    names = [each for each in command if not each.startswith("-")]
    if not names:
        yield name
    for each in names:
        yield from _below(command[each], f"{name} {each}")


@pytest.mark.parametrize("name", ANSWERS)
def test_a_process_of_tools_says_in_a_line_that_it_cannot_begin(alone: Shell, name: str) -> None:
    """`loopctl mcp` asks who its key is before it serves anything, and has no formats."""
    with stub(ANSWERS[name]) as server:
        alone.environment(SERVER=server.address, API_KEY="k")
        said = alone("mcp")
    assert (said.code == Exit.DONE, said.out, len(said.err.splitlines())) == (False, "", 1), said.err
