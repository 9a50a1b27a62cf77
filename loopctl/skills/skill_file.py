"""The file of a skill: name and description between two lines ``---``, then the prompt."""

import re

from msgspec import Struct

FRONT_MATTER = re.compile(r"---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
MEMBER = re.compile(r"^(name|description):(.*)$", re.MULTILINE)


class Skill(Struct, frozen=True):
    name: str
    description: str
    prompt_text: str


def read_skill(file_name: str, text: str) -> Skill:
    """Without a name in the text the file's is taken. Members that are not known are somebody else's."""
    found = FRONT_MATTER.match(text)
    said = {name: _unquoted(value.strip()) for name, value in MEMBER.findall(found[1])} if found else {}
    name = said.get("name") or file_name.removesuffix(".md").replace("_", "-")
    prompt = text[found.end() :] if found else text
    return Skill(name, said.get("description", ""), prompt.strip() + "\n")


def _unquoted(value: str) -> str:
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
