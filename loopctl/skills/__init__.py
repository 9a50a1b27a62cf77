"""The skills that loopctl ships: one Markdown file each beside this module, its prompt below its name and purpose."""

from collections.abc import Sequence
from importlib import resources

from loopctl.skills.skill_file import Skill, read_skill


def shipped() -> Sequence[Skill]:
    """By name."""
    files = (file for file in resources.files(__name__).iterdir() if file.name.endswith(".md"))
    return sorted((read_skill(file.name, file.read_text("utf-8")) for file in files), key=lambda skill: skill.name)
