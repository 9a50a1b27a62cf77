"""Every command of the shipped skills, as it is printed in them and in its order, against the service."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from loopctl.cli.exits import Exit
from loopctl.skills import shipped
from loopctl.skills.skill_file import Skill
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Said, Shell

BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
JSON_BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)
IMPLEMENTS = ("contract", "claim", "start", "request-review", "artifacts")
REVIEWS = ("report", "review-complete")
ENDINGS = {"state load": (Exit.DONE, Exit.MISSING)}
"""That a skill says itself: there may be no state."""


def lines(skill: Skill) -> Iterator[str]:
    for block in BLOCK.findall(skill.prompt_text):
        yield from (line for line in block.splitlines() if "loopctl " in line)


class Follower:
    """Who does what a skill says: an implementer, a reviewer, an orchestrator and a user, each with its own key."""

    def __init__(self, shell: Shell, keys: Keys, project: str) -> None:
        self._shell, self._keys = shell, keys
        self._variables = {
            "PROJECT": project, "STORY_NUM": "2.1", "LAST_POLL": "2026-03-27T12:00:00Z",
            "AN_HOUR_AGO": "2026-03-27T12:00:00Z",
        }  # fmt: skip

    def __call__(self, line: str) -> Said:
        assigned = re.fullmatch(r"STORY_ID=\$\((loopctl .*) \| jq -r '\.story\.id'\)", line)
        said = self._run((assigned[1] if assigned else line).partition(" | jq")[0])
        if assigned:
            self._variables["STORY_ID"] = said.json()["story"]["id"]
        return said

    def _run(self, line: str) -> Said:
        for name, value in self._variables.items():
            line = line.replace(f"${name}", value)
        program, *arguments = shlex.split(line)
        assert (program, "$" in line) == ("loopctl", False), line
        return self._shell(*arguments, key=self._key(arguments))

    def _key(self, arguments: Sequence[str]) -> str:
        named = {part for each in arguments[:3] for part in each.split("/")}
        if named & set(IMPLEMENTS):
            return self._keys.implementer
        if named & set(REVIEWS):
            return self._keys.other
        return self._keys.user if arguments[0] in ("import", "audit") else self._keys.orchestrator


def may_end(line: str) -> tuple[Exit, ...]:
    return next((ends for said, ends in ENDINGS.items() if f"loopctl {said}" in line), (Exit.DONE,))


@pytest.mark.parametrize("skill", shipped(), ids=lambda skill: skill.name)
def test_a_skill_can_be_followed_to_the_letter(
    shell: Shell, keys: Keys, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skill: Skill
) -> None:
    monkeypatch.chdir(tmp_path)
    follow = Follower(shell, keys, project)
    if skill.name == "loopctl:plan":
        (told,) = JSON_BLOCK.findall(skill.prompt_text)
        (tmp_path / "stories.json").write_text(told)
    if skill.name in ("loopctl:review", "loopctl:verify-artifacts"):
        begun(follow)
    for line in lines(skill):
        if skill.name == "loopctl:verify-artifacts" and "reject" in line:
            follow("loopctl request-review $STORY_NUM")
            follow("loopctl report $STORY_NUM")
        said = follow(line)
        assert said.code in may_end(line), (line, said)


def begun(follow: Follower) -> None:
    for step in ("contract", "claim", "start"):
        assert follow(f"loopctl {step} $STORY_NUM").code == 0


def test_a_skill_that_is_wrong_is_found(shell: Shell, keys: Keys, project: str) -> None:
    """The control: what the printed loop tells an implementer to do, and the server refuses."""
    follow = Follower(shell, keys, project)
    begun(follow)
    said = shell("report", "2.1", key=keys.implementer)
    assert (said.code, said.error()["error"]["code"]) == (Exit.CONFLICT, "self_report_blocked")
