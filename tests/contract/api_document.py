"""docs/api.md with the answers of a running service: ``python -m tests.contract.api_document`` writes them anew.

A command is a line ``$ curl …`` in a console block; the lines after it up to the next command are its answer, which
begins with the status. ``# NAME is path of the answer`` keeps a member of the answer for the commands that follow.
"""

import json
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
from msgspec import Struct

from tests.support.running import CHECKOUT, up

DOCUMENT = CHECKOUT / "docs" / "api.md"
COMMAND = re.compile(r"\$ curl (.*)")
KEPT = re.compile(r"# (\w+) is ([\w.]+) of the answer")
MOST_MEMBERS = 12
TELLING = (
    "id", "number", "title", "agent_status", "verified_status", "assigned_agent_id", "reported_by_agent_id", "ac_count",
    "review_type",
)  # fmt: skip


class Answer(Struct, frozen=True):
    status: int
    body: Any


class Walk:
    """Runs the commands of the document in order, against one service."""

    def __init__(self, address: str, user_key: str) -> None:
        self._names = {"HOST": address, "USER_KEY": user_key}

    def run(self, command: str) -> Answer:
        method, url, headers, body = _parsed(shlex.split(self._filled(command)))
        answer = httpx2.request(method, url, headers=headers, content=body, trust_env=False, timeout=20)
        return Answer(answer.status_code, answer.json() if answer.content else None)

    def keep(self, name: str, path: str, answer: Answer) -> None:
        found = answer.body
        for part in path.split("."):
            found = found[int(part)] if part.isdigit() else found[part]
        self._names[name] = found

    def _filled(self, text: str) -> str:
        return re.sub(r"\$(\w+)", lambda found: self._names[found[1]], text)


def _parsed(words: list[str]) -> tuple[str, str, dict[str, str], bytes | None]:
    method, url, headers, body = "GET", "", {}, None
    rest = iter(words)
    for word in rest:
        match word:
            case "-X":
                method = next(rest)
            case "-H":
                name, _, value = next(rest).partition(": ")
                headers[name] = value
            case "-d":
                body = next(rest).encode()
            case _:
                url = word
    return method, url, headers, body


def walked(text: str, walk: Walk) -> Iterator[tuple[str, Answer | None]]:
    """Each line that is not an answer, with the answer that follows it."""
    answer: Answer | None = None
    in_block = False
    for line in text.splitlines():
        if line.startswith("```"):
            in_block = line == "```console"
            yield line, None
        elif not in_block or line.startswith("$ .venv"):
            yield line, None
        elif command := COMMAND.fullmatch(line):
            answer = walk.run(command[1])
            yield line, answer
        elif kept := KEPT.fullmatch(line):
            assert answer is not None
            walk.keep(kept[1], kept[2], answer)
            yield line, None


def shown(answer: Answer) -> str:
    """In lines that can be read: of what has many members, those that matter here."""
    text = json.dumps(_elided(answer.body), ensure_ascii=False)
    text = re.sub(r"lc_(\w{5})\w{35}", r"lc_\1…", text)
    return textwrap.fill(f"{answer.status} {text}", 118, break_long_words=False, subsequent_indent="    ")


def _elided(value: Any) -> Any:
    match value:
        case dict() if len(value) > MOST_MEMBERS:
            return {**{name: _elided(value[name]) for name in TELLING if name in value}, "…": "…"}
        case dict():
            return {name: _elided(each) for name, each in value.items()}
        case list():
            return [_elided(each) for each in value]
        case _:
            return value


def printed_statuses(text: str) -> list[int]:
    """Of the answers in the document, in order."""
    return [int(found) for found in re.findall(r"^([1-5]\d\d) [\[{n]", text, re.MULTILINE)]


def tenant(data: Path) -> str:
    """The raw key of a new tenant's user."""
    made = subprocess.run(
        [
            sys.executable, "-m", "operations", "create-tenant", "--name", "Acme", "--slug", "acme",
            "--email", "you@example.com", "--data-dir", str(data),
        ],
        capture_output=True, text=True, cwd=CHECKOUT, timeout=180, check=True,
    )  # fmt: skip
    answer: Mapping[str, Any] = json.loads(made.stdout)
    key: str = answer["api_key"]["raw_key"]
    return key


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, up(Path(folder) / "var") as run:
        walk = Walk(run.wait_until_healthy(), tenant(run.data))
        text = DOCUMENT.read_text("utf-8")
        lines: list[str] = []
        for line, answer in walked(text, walk):
            lines.append(line)
            if answer is not None:
                lines.append(shown(answer))
    DOCUMENT.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
