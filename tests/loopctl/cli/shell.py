"""The command as a person or an agent calls it, in this process: what it says and how it ends."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from loopctl.cli.main import run

VARIABLES = (
    "SERVER", "API_KEY", "AGENT_KEY", "ORCH_KEY", "USER_KEY", "SUPERADMIN_KEY", "PROJECT", "FORMAT", "CONFIG",
    "CA_BUNDLE", "INSECURE_TLS",
)  # fmt: skip


class Said(NamedTuple):
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    def error(self) -> Any:
        """The one line of JSON that a failure is off a terminal."""
        (line,) = [line for line in self.err.splitlines() if line.startswith("{")]
        return json.loads(line)


class Shell:
    """One person's shell: settings of its own, and an environment."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.config = home / ".loopctl" / "config.json"
        for name in VARIABLES:
            monkeypatch.delenv(f"LOOPCTL_{name}", raising=False)
        self.environment(CONFIG=str(self.config))

    def environment(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(f"LOOPCTL_{name}", value)

    def __call__(self, *arguments: str, key: str | None = None) -> Said:
        if key is not None:
            self.environment(API_KEY=key)
        self._capsys.readouterr()
        code = run(arguments)
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def good(self, *arguments: str, key: str | None = None) -> Any:
        """What it prints, as JSON; it has to succeed."""
        said = self(*arguments, key=key)
        assert said.code == 0, said.err
        return said.json()
