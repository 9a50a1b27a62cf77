"""`loopctl setup` in folders as people have them: what comes, what stays, and what goes again."""

import json
import os
import shutil
import stat
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from loopctl.setup.wishes import AGENTS, KEYS
from tests.loopctl.cli.shell import Shell

FOREIGN = {
    ".mcp.json": '{"mcpServers": {"other": {"command": "other", "args": []}}, "later": [1,2]}',
    ".claude/settings.json": '{\n    "model": "opus",\n    "hooks": {"Stop": [{"hooks": []}]}\n}\n',
    ".vscode/mcp.json": '{\n\t// ours\n\t"servers": {},\n}\n',
    ".codex/config.toml": 'model = "o9"   # mine\n\n[mcp_servers.other]\ncommand = "other"',
    "CLAUDE.md": "# Mine\n\nRead this.",
    "AGENTS.md": "# Ours\r\n",
}
"""Of somebody else, in the spelling of somebody else."""

Setup = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    shell = Shell(monkeypatch, capsys, tmp_path)
    shell.environment(SERVER="https://loopctl.example/", PROJECT="my-app")
    return shell


@pytest.fixture
def setup(shell: Shell, folder: Path) -> Setup:
    """The command in the folder; it has to succeed."""

    def run(*arguments: str) -> Any:
        return {each["path"]: each["what"] for each in shell.good("setup", str(folder), *arguments)["data"]}

    return run


def all_agents() -> list[str]:
    return [word for name in AGENTS for word in ("--agent", name)]


def write(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())


def held(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its mode, every folder."""
    files = {file for file in folder.rglob("*") if file.is_file()}
    found = {str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mode) for file in files}
    return {**found, **{f"{each.relative_to(folder)}/": (b"", 0) for each in folder.rglob("*") if each.is_dir()}}


def read(folder: Path, path: str) -> Any:
    text = (folder / path).read_text()
    return tomllib.loads(text) if path.endswith(".toml") else json.loads(text)


def test_an_entry_has_one_role_and_its_key_by_the_name_of_a_variable(setup: Setup, folder: Path) -> None:
    setup(*all_agents(), *(word for role in KEYS for word in ("--role", role)))
    servers = read(folder, ".mcp.json")["mcpServers"]
    assert set(servers) == {f"loopctl-{role}" for role in KEYS}
    for role, variable in KEYS.items():
        for path, inside, reference in (
            (".mcp.json", "mcpServers", f"${{{variable}:-}}"),
            (".cursor/mcp.json", "mcpServers", f"${{env:{variable}}}"),
            (".vscode/mcp.json", "servers", f"${{env:{variable}}}"),
            (".gemini/settings.json", "mcpServers", f"${variable}"),
        ):
            entry = read(folder, path)[inside][f"loopctl-{role}"]
            keys = {name: value for name, value in entry["env"].items() if name.endswith("_KEY") and value}
            assert keys == {variable: reference}
            assert (entry["command"], entry["args"]) == ("loopctl", ["mcp"])
        codex = read(folder, ".codex/config.toml")["mcp_servers"][f"loopctl-{role}"]
        assert codex["env_vars"] == [variable]
        assert codex["env"] == {"LOOPCTL_SERVER": "https://loopctl.example", "LOOPCTL_PROJECT": "my-app"}


def test_no_key_is_in_a_file_whatever_the_environment_holds(setup: Setup, shell: Shell, folder: Path) -> None:
    shell.environment(API_KEY="lc_secret_1", AGENT_KEY="lc_secret_2", ORCH_KEY="lc_secret_3")
    setup(*all_agents())
    assert not [path for path, (content, _) in held(folder).items() if b"lc_secret" in content]


def test_what_others_have_written_stays_to_the_byte_and_all_of_ours_goes_again(setup: Setup, folder: Path) -> None:
    write(folder, FOREIGN)
    before = held(folder)
    setup(*all_agents())
    for path, text in FOREIGN.items():
        assert (folder / path).read_bytes() != text.encode(), path
    assert read(folder, ".mcp.json")["mcpServers"]["other"] == {"command": "other", "args": []}
    assert [*read(folder, ".mcp.json")] == ["mcpServers", "later"]
    assert read(folder, ".codex/config.toml")["model"] == "o9"
    setup("--remove")
    after = held(folder)
    for path in (".codex/config.toml", "CLAUDE.md"):  # whose last line did not end
        assert after.pop(path)[0] == before.pop(path)[0] + b"\n"
    assert after == before


def test_the_second_run_changes_nothing(setup: Setup, folder: Path) -> None:
    setup(*all_agents())
    before = held(folder)
    assert set(setup(*all_agents()).values()) == {"unchanged"}
    assert held(folder) == before


def test_an_empty_folder_is_empty_again(setup: Setup, folder: Path) -> None:
    setup(*all_agents())
    assert set(setup("--remove").values()) == {"removed"}
    assert held(folder) == {}


def test_a_dry_run_says_the_same_and_changes_nothing(setup: Setup, folder: Path) -> None:
    write(folder, FOREIGN)
    before = held(folder)
    said = setup("--dry-run", *all_agents())
    assert held(folder) == before
    assert setup(*all_agents()) == said
    after = held(folder)
    said = setup("--dry-run", "--remove")
    assert held(folder) == after
    assert setup("--remove") == said


def test_another_server_and_fewer_programs_change_what_was_written(setup: Setup, folder: Path) -> None:
    setup(*all_agents())
    said = setup("--agent", "claude", "--server", "https://other.example", "--hooks", "printed", "--no-skills")
    assert read(folder, ".mcp.json")["mcpServers"]["loopctl-agent"]["env"]["LOOPCTL_SERVER"] == "https://other.example"
    assert said[".cursor/mcp.json"] == "removed"
    settings = read(folder, ".claude/settings.json")
    assert [len(settings["hooks"][event]) for event in ("PreToolUse", "Stop")] == [1, 1]
    assert settings["hooks"]["Stop"][0]["hooks"][0]["command"].endswith("/keep-working.sh")
    assert not (folder / ".agents").exists() or not [*(folder / ".agents").rglob("*.md")]
    assert not [*(folder / ".claude" / "commands").rglob("*.md")]


def test_what_somebody_has_changed_by_hand_stays_theirs(setup: Setup, folder: Path) -> None:
    setup("--agent", "claude")
    skill = folder / ".claude" / "commands" / "loopctl" / "review.md"
    skill.write_text("My own review.\n")
    servers = read(folder, ".mcp.json")
    servers["mcpServers"]["loopctl-agent"]["args"] = ["mcp", "--mine"]
    (folder / ".mcp.json").write_text(json.dumps(servers))
    for arguments in (("--server", "https://other.example"), ("--remove",)):
        said = setup("--agent", "claude", *arguments) if "--remove" not in arguments else setup(*arguments)
        assert said[".claude/commands/loopctl/review.md"] == "kept: changed by hand"
        assert said[".mcp.json mcpServers loopctl-agent"] == "kept: changed by hand"
        assert skill.read_text() == "My own review.\n"
    assert [*read(folder, ".mcp.json")["mcpServers"]] == ["loopctl-agent"]


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "no JSON": ({".mcp.json": '{\n  "mcpServers": {,}\n}'}, ".mcp.json, line 2"),
    "a list": ({".mcp.json": "[]"}, ".mcp.json"),
    "servers that are none": ({".mcp.json": '{\n\n"mcpServers": 7}'}, ".mcp.json, line 3"),
    "twice the same": ({".mcp.json": '{"mcpServers": {}, "mcpServers": {}}'}, "mcpServers is there twice"),
    "an entry of that name": ({".mcp.json": '{"mcpServers": {"loopctl-agent": {}}}'}, "loopctl-agent is there already"),
    "hooks that are none": ({".claude/settings.json": '{"hooks": {"Stop": {}}}'}, ".claude/settings.json"),
    "another hook of that name": ({".claude/hooks/Stop/keep-working.sh": "echo"}, ".claude/hooks/Stop/keep-working.sh"),
    "half a section": ({"CLAUDE.md": "a\n<!-- loopctl setup: begin -->\n"}, "CLAUDE.md, line 2"),
    "no TOML": ({".codex/config.toml": "a = 1\nb =\n"}, ".codex/config.toml, line 2"),
    "an entry in TOML": ({".codex/config.toml": "[mcp_servers.loopctl-agent]\n"}, ".codex/config.toml"),
    "no text": ({"GEMINI.md": "\udcff"}, "GEMINI.md"),
    "a record of something else": ({".loopctl/setup.json": '{"pieces": 1}'}, ".loopctl/setup.json"),
    "a later record": ({".loopctl/setup.json": '{"version": 2}'}, "later version"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_understood_is_refused_with_its_place_and_nothing_is_written(
    shell: Shell, folder: Path, what: str
) -> None:
    files, place = REFUSED[what]
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode(errors="surrogateescape"))
    before = held(folder)
    said = shell("setup", str(folder), *all_agents())
    assert (said.code, place in said.error()["error"]["message"]) == (5, True), said.err
    assert held(folder) == before


def test_a_link_is_followed_inside_of_the_folder_and_not_out_of_it(setup: Setup, shell: Shell, folder: Path) -> None:
    write(folder, {"AGENTS.md": "# Ours\n"})
    (folder / "CLAUDE.md").symlink_to("AGENTS.md")
    setup("--agent", "claude", "--agent", "cursor")
    assert ((folder / "CLAUDE.md").is_symlink(), (folder / "AGENTS.md").read_text().count("## loopctl")) == (True, 1)
    setup("--remove")
    assert (folder / "AGENTS.md").read_text() == "# Ours\n"
    (folder / ".mcp.json").symlink_to(folder.parent / "elsewhere.json")
    said = shell("setup", str(folder))
    assert (said.code, "leads out of the folder" in said.error()["error"]["message"]) == (5, True)
    assert not (folder.parent / "elsewhere.json").exists()


def test_programs_are_known_by_their_traces(setup: Setup, folder: Path) -> None:
    (folder / ".cursor").mkdir()
    (folder / "GEMINI.md").write_text("")
    setup()
    assert sorted(path for path in held(folder) if path.endswith(("mcp.json", "settings.json"))) == [
        ".cursor/mcp.json", ".gemini/settings.json",
    ]  # fmt: skip


def test_skills_are_slash_commands_here_and_skills_of_the_common_form_there(setup: Setup, folder: Path) -> None:
    setup("--agent", "claude", "--agent", "codex")
    assert (
        (folder / ".claude/commands/loopctl/observe.md").read_text().startswith('---\ndescription: "Put what happens')
    )
    skill = (folder / ".agents/skills/loopctl-review/SKILL.md").read_text()
    assert skill.startswith("---\nname: loopctl-review\ndescription: ")


def test_hooks_can_be_run_and_other_files_keep_their_mode(setup: Setup, folder: Path) -> None:
    write(folder, {".mcp.json": "{}"})
    (folder / ".mcp.json").chmod(0o640)
    setup("--agent", "claude")
    assert stat.S_IMODE((folder / ".mcp.json").stat().st_mode) == 0o640
    for event in read(folder, ".claude/settings.json")["hooks"].values():
        command = event[0]["hooks"][0]["command"].replace('"$CLAUDE_PROJECT_DIR"', str(folder))
        assert os.access(command, os.X_OK)
        assert shutil.which(command) == command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--server", "loopctl.example"), "no address"),
        (("--server", "https://me:secret@loopctl.example"), "a name or a password"),
        (("--project", "a\nb"), "is no project"),
        (("--agent", "emacs"), "emacs"),
        (("--role", "superadmin"), "superadmin"),
        (("--hooks", "all"), "all"),
    ],
)
def test_a_wrong_word_is_refused_and_nothing_is_written(
    shell: Shell, folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    refused = shell("setup", str(folder), *arguments)
    assert (refused.code, said in refused.error()["error"]["message"]) == (2, True), refused.err
    assert held(folder) == {}


def test_without_a_server_nothing_is_written(shell: Shell, folder: Path) -> None:
    shell.environment(SERVER="")
    assert (shell("setup", str(folder)).code, held(folder)) == (2, {})
    assert shell("setup", str(folder / "nowhere"), "--server", "http://x").code == 2
