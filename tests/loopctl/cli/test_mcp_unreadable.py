"""What is written to `loopctl mcp` and is no message: who waits is answered, and the process goes on."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.outside import environment
from tests.loopctl.cli.shell import Shell
from tests.support.guarded import guarded
from tests.support.running import Run

PARSE_ERROR, NO_METHOD, WRONG = -32700, -32601, -32602
HANDSHAKE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
NOBODY_WAITS = (b"no JSON", b"[]", b"7", b'{"jsonrpc":"2.0","id":2}', b"\xff\xfe", b"[" * 100_000)


def calling(arguments: str, name: str = '"get_story"') -> bytes:
    said = '{"jsonrpc":"2.0","id":41,"method":"tools/call","params":{"name":%s,"arguments":%s}}'
    return (said % (name, arguments)).encode()


WAITED_FOR = {
    "half a letter": (calling('{"story":"a\\ud800"}'), PARSE_ERROR),
    "a number that is too long": (calling('{"story":%s}' % ("9" * 5_000)), PARSE_ERROR),
    "nested too deep": (calling('{"story":%s}' % ("[" * 5_000 + "]" * 5_000)), PARSE_ERROR),
    "its id at the end": (b'{"params":{"id":42,"a":"\\ud800"},"method":"tools/call","id":"x-1"}', PARSE_ERROR),
    "arguments that are a list": (calling("[]"), WRONG),
    "a tool without a name": (calling("{}", "7"), WRONG),
    "a method that there is not": (b'{"jsonrpc":"2.0","id":41,"method":"tools/forget"}', NO_METHOD),
}


class Talk:
    """Lines into a process, and lines out of it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def say(self, line: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def works(self) -> bool:
        """Whatever is answered first is the answer to this."""
        self.say(calling("{}", '"resume"').replace(b'"id":41', b'"id":99'))
        said = self.hear()
        return bool(said["id"] == 99 and "result" in said)


@contextmanager
def talking(home: Path, running: Run, key: str, **more: str) -> Iterator[Talk]:
    env = environment(home, running.address, LOOPCTL_API_KEY=key, **more)
    process = guarded(
        subprocess.Popen(
            [sys.executable, "-m", "loopctl", "mcp"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    )
    with process:
        talk = Talk(process)
        talk.say(json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HANDSHAKE}).encode())
        assert "result" in talk.hear()
        talk.say(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        yield talk


def test_who_waits_is_answered_and_nobody_else(running: Run, keys: Keys, tmp_path: Path) -> None:
    """Went red while a call was never answered that had half a letter in it."""
    with talking(tmp_path, running, keys.implementer) as talk:
        for line in NOBODY_WAITS:
            talk.say(line)
        assert talk.works()
        for what, (line, code) in WAITED_FOR.items():
            talk.say(line)
            said = talk.hear()
            assert (said["id"], said["error"]["code"]) == ("x-1" if b'"x-1"' in line else 41, code), what
        assert talk.works()


BAD = {
    "a member that there is not": ("get_story", {"story_id": "1.1", "verbose": True}, "invalid_arguments"),
    "another type": ("contract_story", {"story_id": "1.1", "story_title": "T", "ac_count": "2"}, "invalid_arguments"),
    "nothing": ("verify_story", {}, "invalid_arguments"),
    "too much": ("get_story", {"story_id": "2" * 1_000_000}, "invalid_arguments"),
    "a path": ("get_story", {"story_id": "../tenants/me"}, "usage"),
    "a tool of the other surface": ("next_story", {}, "unknown_tool"),
}


def test_what_the_tools_that_guides_name_cannot_take(running: Run, keys: Keys, shell: Shell, tmp_path: Path) -> None:
    """One after the other, and then the key is revoked."""
    (key,) = shell.good("keys", "create", "--name", "short", "--role", "agent", key=keys.user).values()
    with talking(tmp_path, running, key["raw_key"], LOOPCTL_TOOLS="all") as talk:
        found = {}
        for what, (name, arguments, _) in BAD.items():
            talk.say(calling(json.dumps(arguments), json.dumps(name)))
            found[what] = refusal(talk.hear())["code"]
        talk.say(calling("{}", '"get_tenant"'))
        assert talk.hear()["result"].get("isError", False) is False
        shell.good("keys", "revoke", key["id"])
        talk.say(calling("{}", '"get_tenant"'))
        assert refusal(talk.hear())["status"] == 401
    assert found == {what: code for what, (_, _, code) in BAD.items()}


def refusal(said: Any) -> Any:
    result = said["result"]
    assert result["isError"], result
    told = json.loads(result["content"][0]["text"])
    assert (told["error"], bool(told["next"])) == (True, True)
    return result["structuredContent"]["error"]
