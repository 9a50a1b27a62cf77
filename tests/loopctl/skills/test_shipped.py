"""The skills that come with the package, and how a skill's file is read."""

import pytest

from loopctl.skills import shipped
from loopctl.skills.skill_file import Skill, read_skill

OF_THE_DOCUMENTS = {"contract", "orchestrate", "plan", "review", "status", "verify-artifacts"}
LONGEST_DESCRIPTION = 1024
"""Letters that the common agents take of a skill's purpose."""


def test_the_six_skills_of_the_documents_are_there_and_one_for_observers() -> None:
    assert {skill.name for skill in shipped()} == {f"loopctl:{name}" for name in (*OF_THE_DOCUMENTS, "observe")}


@pytest.mark.parametrize("skill", shipped(), ids=lambda skill: skill.name)
def test_a_skill_says_what_it_is_for_in_the_space_that_agents_have(skill: Skill) -> None:
    assert 0 < len(skill.description) <= LONGEST_DESCRIPTION
    assert skill.prompt_text.startswith("# ")


def test_no_skill_tells_an_implementer_to_report() -> None:
    """The server refuses it: 409 self_report_blocked."""
    prompts = {skill.name: skill.prompt_text for skill in shipped()}
    assert "loopctl report" not in prompts["loopctl:contract"]
    implementing, _, _ = prompts["loopctl:orchestrate"].partition("### 6.")
    assert ("loopctl report" in implementing, "loopctl request-review" in implementing) == (False, True)


@pytest.mark.parametrize(
    ("text", "skill"),
    [
        ("---\nname: a:b\ndescription: What for\n---\n\nDo it.\n", Skill("a:b", "What for", "Do it.\n")),
        ("---\nname: \"a\"\ndescription: 'x: y'\nmodel: opus\n---\nDo it.", Skill("a", "x: y", "Do it.\n")),
        ("---\ndescription:\n---\nDo it.\n", Skill("two-words", "", "Do it.\n")),
        ("Do it.\n\n---\nname: no\n---\n", Skill("two-words", "", "Do it.\n\n---\nname: no\n---\n")),
        ("---\nname: never ended\n", Skill("two-words", "", "---\nname: never ended\n")),
    ],
)
def test_name_and_purpose_stand_before_the_prompt(text: str, skill: Skill) -> None:
    assert read_skill("two_words.md", text) == skill
