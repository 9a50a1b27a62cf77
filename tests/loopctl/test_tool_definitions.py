"""What tools say of themselves: few of them, in few tokens, whole."""

import json

import pytest
from jsonschema import ValidationError, validate
from mcp_types import Tool as Listed

from loopctl.mcp.compatible.tools import TOOLS as ALL
from loopctl.mcp.serving import listing
from loopctl.mcp.telling import own
from loopctl.mcp.tools import TOOLS

MOST_TOOLS = 12
MOST_TOKENS = 2500
ENCODING = "o200k_base"
"""Of a family of models; others differ by some percent."""


def as_sent(tools: list[Listed]) -> str:
    said = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.filterwarnings("ignore:open_binary is deprecated")
@pytest.mark.parametrize("role", TOOLS)
def test_the_tools_of_a_role_are_few_and_cost_little(role: str) -> None:
    """Went red for an agent when its descriptions said what the schemas of answers say."""
    from bpe_openai import get_encoding  # which reads its data, and warns, when it is loaded

    tools = [listing(tool) for tool in TOOLS[role]]
    assert len(tools) <= MOST_TOOLS
    assert len(get_encoding(ENCODING).encode(as_sent(tools))) <= MOST_TOKENS


@pytest.mark.parametrize("role", TOOLS)
def test_each_says_its_title_its_effect_and_its_answer(role: str) -> None:
    for sent in json.loads(as_sent([listing(tool) for tool in TOOLS[role]])):
        assert {"title", "description", "inputSchema", "outputSchema", "annotations"} <= sent.keys(), sent["name"]
        assert sent["outputSchema"]["type"] == "object", sent["name"]
        assert sent["annotations"]["readOnlyHint"] or "destructiveHint" in sent["annotations"], sent["name"]


@pytest.mark.parametrize("role", TOOLS)
def test_a_refusal_is_what_the_tool_says_that_it_answers(role: str) -> None:
    """Clients of the official TypeScript SDK hold refusals to the schema of answers, too. Went red while members were
    required, and the inspector showed that the answer lacked them in place of what was refused."""
    refusal = own("not_found", "There is none.", "See what there is: resume.").body
    for tool in TOOLS[role]:
        schema = tool.answer_schema()
        assert schema is not None, tool.name
        validate(refusal, schema)
        with pytest.raises(ValidationError):
            validate(refusal, schema | {"required": ["story"]})


def test_what_guides_name_says_title_and_effect_too() -> None:
    for sent in json.loads(as_sent([listing(tool) for tool in ALL])):
        assert {"title", "description", "annotations"} <= sent.keys(), sent["name"]
        assert sent["inputSchema"]["type"] == "object", sent["name"]


def test_tools_of_two_roles_that_share_a_name_take_the_same() -> None:
    named = [tool for tools in TOOLS.values() for tool in tools]
    taken = {tool.name: tool.takes for tool in named}
    assert all(tool.takes is taken[tool.name] for tool in named)
