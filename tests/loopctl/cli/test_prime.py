"""`loopctl prime`: what a fresh agent needs, for every role, in few tokens whatever the project has."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from loopctl.cli.within import MOST, Part, line, title, within
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.loopctl.test_tool_definitions import ENCODING

pytestmark = pytest.mark.filterwarnings("ignore:open_binary is deprecated")

SCRIPTS = {
    "English": "Rotate the signing keys of every tenant without a pause of the service for anybody",
    "punctuation": "]}#!%^&*~`|<>?;:[{@$()-_=+,./" * 3,
    "digits and letters": "q7Zx9Kv3Wp1Jt5Rm8Yb2Nd6Hf4Lc0Gs" * 3,
    "Chinese": "旋转所有租户的签名密钥而不停止服务" * 6,
    "Phoenician": "𐤀𐤁𐤂𐤃𐤄𐤅𐤆𐤇𐤈𐤉𐤊𐤋𐤌𐤍𐤎𐤏" * 6,
    "emoji": "👩🏽‍🚀🧑🏿‍🔬" * 20,
    "escapes": "\u202e\u2066\u0085" * 30,
}


def tokens(text: str) -> int:
    from bpe_openai import get_encoding  # which reads its data, and warns, when it is loaded

    return len(get_encoding(ENCODING).encode(text))


def primed(shell: Shell, *options: str, key: str | None = None) -> str:
    said = shell("prime", *options, key=key)
    assert said.code == 0, said.err
    return said.out


def many(shell: Shell, tmp_path: Path, titles: Sequence[str]) -> None:
    """Forty more stories in the project."""
    stories = [{"number": f"3.{n + 1}", "title": titles[n % len(titles)][:200]} for n in range(40)]
    file = tmp_path / "more.json"
    file.write_text(json.dumps({"epics": [{"number": 3, "title": "More", "stories": stories}]}))
    shell.good("import", str(file), "--merge")


def test_an_agent_is_told_what_it_holds_and_the_next_command(shell: Shell, keys: Keys, project: str) -> None:
    shell.good("claim", "--next", key=keys.implementer)
    text = primed(shell)
    assert 'You hold: 1\n- 2.1 "Story 1" (claimed): loopctl start 2.1\n' in text
    assert 'Ready to be begun: 1\n- 2.2 "Story 2" (ready): loopctl contract 2.2\n' in text
    assert "Next: loopctl start 2.1\n" in text
    shell.good("start", "2.1")
    assert "Next: loopctl request-review 2.1\n" in primed(shell)


def test_what_an_agent_did_waits_for_others_only(shell: Shell, keys: Keys, project: str) -> None:
    shell.good("claim", "--next", key=keys.implementer)
    for step in ("start", "request-review"):
        shell.good(step, "2.1")
    own, other = primed(shell), primed(shell, key=keys.other)
    assert ("Waits for you" in own, '2.1 "Story 1" (waits for another agent)\n' in own) == (False, True)
    assert "Next: loopctl claim --next\n" in own
    assert "Waits for you: 1\n" in other
    assert "Next: loopctl report 2.1\n" in other


def test_the_next_command_of_each_leads_to_verified(shell: Shell, keys: Keys, project: str) -> None:
    """The command that is printed is the one that is done."""
    done = []
    for by in ("implementer", "implementer", "implementer", "other", "other", "orchestrator"):
        said = shell.good("prime", "--format", "json", key=getattr(keys, by))["prime"]["next"]
        done.append(said.split()[1])
        shell.good(*said.split()[1:])
    assert done == ["claim", "start", "request-review", "report", "review-complete", "verify"]
    assert shell.good("status", "2.1")["story"]["verified_status"] == "verified"


def test_a_project_that_is_said_is_in_the_commands(shell: Shell, keys: Keys, project: str) -> None:
    shell.environment(PROJECT="")
    text = primed(shell, "--project", project, key=keys.implementer)
    assert f"Next: loopctl claim --next --project {project}\n" in text
    assert f"(ready): loopctl contract 2.1 --project {project}\n" in text


def test_it_is_short_whatever_the_titles_are(shell: Shell, keys: Keys, project: str, tmp_path: Path) -> None:
    many(shell, tmp_path, [*SCRIPTS.values()])
    for number in range(1, 9):
        shell.good("contract", f"3.{number}", key=keys.implementer)
    for key in (keys.user, keys.implementer, keys.orchestrator):
        text = primed(shell, key=key)
        assert tokens(text) <= MOST, text
        assert "more: loopctl next" in text


def test_without_a_project_it_is_of_all_of_them(shell: Shell, keys: Keys, project: str) -> None:
    shell.environment(PROJECT="")
    for key in (keys.user, keys.implementer, keys.orchestrator):
        said = shell("prime", key=key)
        assert (said.code, tokens(said.out) <= MOST, "No project is set" in said.out) == (0, True, True)


def test_what_is_missing_of_a_list_is_counted(shell: Shell, keys: Keys, project: str, tmp_path: Path) -> None:
    many(shell, tmp_path, ["Short"])
    text = primed(shell, key=keys.implementer)
    shown = text.count("(ready)")
    assert 0 < shown < 42
    assert f"- …, {42 - shown} more: loopctl next\n" in text


def test_a_superadmin_is_told_that_it_is_in_no_tenant(shell: Shell, root_key: str) -> None:
    said = shell("prime", key=root_key)
    assert (said.code, "Next: loopctl admin stats\n" in said.out) == (0, True)


@pytest.mark.parametrize("words", SCRIPTS.values(), ids=SCRIPTS)
def test_a_text_is_never_longer_than_it_may_be(words: str) -> None:
    """Whatever room there is; a title that is not cut (the control) breaks it."""
    for most in (150, 400, MOST):
        parts = [Part(f"List {name}", [line("{} (ready)", title(words))] * 90, 90, "loopctl next") for name in "ab"]
        text = within([line("First")], parts, [line("Last")], most)
        assert tokens(text) <= most
        assert text.endswith("\nLast")
    assert tokens("\n".join([words] * 90)) > MOST
