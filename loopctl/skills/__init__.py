"""The skills that loopctl ships: one Markdown file each beside this module, its prompt below its name and purpose."""

import re
from collections.abc import Sequence
from importlib import resources

from msgspec import Struct

FRONT_MATTER = re.compile(r"---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
MEMBER = re.compile(r"(name|description):(?: +(.*))?")


class Skill(Struct, frozen=True):
    name: str
    description: str
    prompt_text: str


def read_skill(file_name: str, text: str) -> Skill:
    """``text`` may begin with name and description between lines ``---``; without a name the file's is taken."""
    said = {}
    if found := FRONT_MATTER.match(text):
        members = (MEMBER.fullmatch(line) for line in found[1].splitlines())
        said = {member[1]: _unquoted((member[2] or "").strip()) for member in members if member}
    name = said.get("name") or file_name.removesuffix(".md").replace("_", "-")
    prompt = text[found.end() :] if found else text
    return Skill(name, said.get("description", ""), prompt.strip() + "\n")


def shipped() -> Sequence[Skill]:
    """By name."""
    files = (file for file in resources.files(__name__).iterdir() if file.name.endswith(".md"))
    return sorted((read_skill(file.name, file.read_text("utf-8")) for file in files), key=lambda skill: skill.name)


def _unquoted(value: str) -> str:
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
