"""What setup is asked for, and what each agent program reads of it: where, and in which form.

Keys are in no file: an entry names the variable of its role's key alone, and empties those of the others, so that a
process has one key whatever else the environment holds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from loopctl.hooks import PRINTED, SAFER, shipped_hooks
from loopctl.setup.pieces import File, Member, Piece, Section
from loopctl.skills import shipped
from loopctl.skills.skill_file import Skill

KEYS = {
    "agent": "LOOPCTL_AGENT_KEY",
    "reviewer": "LOOPCTL_REVIEWER_KEY",
    "orchestrator": "LOOPCTL_ORCH_KEY",
    "user": "LOOPCTL_USER_KEY",
}
"""By the role of an entry; a reviewer's key is an agent's."""
ANY_ROLE = "LOOPCTL_API_KEY"
SETTINGS = ".claude/settings.json"


class Wish(Struct, frozen=True):
    server: str
    project: str | None
    roles: Sequence[str]
    hooks: str
    """safe, printed or none: which of the two pairs is called; both are there."""
    skills: bool

    @property
    def place(self) -> dict[str, str]:
        return {"LOOPCTL_SERVER": self.server, **({"LOOPCTL_PROJECT": self.project} if self.project else {})}

    def entry(self, role: str, reference: str) -> dict[str, Any]:
        """``reference`` is how the agent program writes a variable, with {} for its name."""
        others = {name: "" for name in (ANY_ROLE, *KEYS.values()) if name != KEYS[role]}
        return {
            "command": "loopctl",
            "args": ["mcp"],
            "env": {**self.place, KEYS[role]: reference.format(KEYS[role]), **others},
        }

    def entries(self, path: str, inside: str, reference: str, **more: str) -> Iterator[Piece]:
        for role in self.roles:
            yield Member(path, (inside,), f"loopctl-{role}", {**more, **self.entry(role, reference)})


def claude_code(wish: Wish) -> Iterator[Piece]:
    yield from wish.entries(".mcp.json", "mcpServers", "${{{}:-}}")
    yield Section("CLAUDE.md", _section(wish))
    if wish.skills:
        for skill in shipped():
            yield File(f".claude/commands/loopctl/{_short(skill)}.md", _front(skill.description) + skill.prompt_text)
    if wish.hooks == "none":
        return
    for name, value in wish.place.items():
        yield Member(SETTINGS, ("env",), name, value)
    for path, text in shipped_hooks().items():
        yield File(f".claude/hooks/{path}", text, executable=True)
    for event, called in (SAFER if wish.hooks == "safe" else PRINTED).items():
        yield Member(SETTINGS, ("hooks", event), None, called)


def cursor(wish: Wish) -> Iterator[Piece]:
    yield from wish.entries(".cursor/mcp.json", "mcpServers", "${{env:{}}}")
    yield from _for_others(wish, "AGENTS.md")


def vs_code(wish: Wish) -> Iterator[Piece]:
    yield from wish.entries(".vscode/mcp.json", "servers", "${{env:{}}}", type="stdio")
    yield from _for_others(wish, "AGENTS.md")


def gemini_cli(wish: Wish) -> Iterator[Piece]:
    yield from wish.entries(".gemini/settings.json", "mcpServers", "${}")
    yield from _for_others(wish, "GEMINI.md")


def codex(wish: Wish) -> Iterator[Piece]:
    """Its processes get no variable that is not named, so there is nothing to empty."""
    place = ", ".join(f"{name} = {_toml(value)}" for name, value in wish.place.items())
    entries = (
        f'[mcp_servers.loopctl-{role}]\ncommand = "loopctl"\nargs = ["mcp"]\n'
        f'env_vars = ["{KEYS[role]}"]\nenv = {{ {place} }}\n'
        for role in wish.roles
    )
    yield Section(".codex/config.toml", "\n".join(entries))
    yield from _for_others(wish, "AGENTS.md")


AGENTS: Mapping[str, Callable[[Wish], Iterator[Piece]]] = {
    "claude": claude_code,
    "cursor": cursor,
    "vscode": vs_code,
    "codex": codex,
    "gemini": gemini_cli,
}
TRACES: Mapping[str, Sequence[str]] = {
    "claude": (".claude", "CLAUDE.md", ".mcp.json"),
    "cursor": (".cursor", ".cursorrules"),
    "vscode": (".vscode", ".github/copilot-instructions.md"),
    "codex": (".codex",),
    "gemini": (".gemini", "GEMINI.md"),
}
"""By which a folder shows that somebody uses the program in it."""


def used_in(folder: Path) -> list[str]:
    return [name for name in AGENTS if any((folder / trace).exists() for trace in TRACES[name])]


def wanted(wish: Wish, agents: Sequence[str]) -> Sequence[Piece]:
    """What several programs read alike is there once."""
    pieces = {piece.key: piece for agent in agents for piece in AGENTS[agent](wish)}
    return [*pieces.values()]


def _for_others(wish: Wish, instructions: str) -> Iterator[Piece]:
    """The form of skills that these programs share (agentskills.io)."""
    yield Section(instructions, _section(wish))
    if wish.skills:
        for skill in shipped():
            name = skill.name.replace(":", "-")
            text = _front(skill.description, name) + skill.prompt_text
            yield File(f".agents/skills/{name}/SKILL.md", text)


def _short(skill: Skill) -> str:
    return skill.name.removeprefix("loopctl:")


def _front(description: str, name: str | None = None) -> str:
    said = description.replace("\\", "\\\\").replace('"', '\\"')
    return f'---\n{f"name: {name}{chr(10)}" if name else ""}description: "{said}"\n---\n\n'


def _toml(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _section(wish: Wish) -> str:
    project = f", project `{wish.project}`" if wish.project else ""
    servers = ", ".join(f"`loopctl-{role}`" for role in wish.roles)
    skills = ", ".join(f"`{skill.name}`" for skill in shipped())
    known = f"\nSkills: {skills}.\n" if wish.skills else ""
    return f"""## loopctl

The work here is kept by loopctl at {wish.server}{project}: stories, who does them, what was confirmed.
MCP servers: {servers}, one for each role. Call `resume` of yours first: it says who
you are, how the project stands, and what waits for you.
{known}
- A story is contracted, claimed and started before work begins, and ends for its implementer with `request_review`.
- Nobody confirms their own work: `report`, `review-complete` and `verify` of one's own story answer 409
  (`self_report_blocked`, `self_review_blocked`, `self_verify_blocked`). That is an answer: do not try another role.
- `agent_status` is what was said, `verified_status` what somebody else confirmed. Only the second is done.
"""
