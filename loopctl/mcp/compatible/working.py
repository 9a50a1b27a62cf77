"""The steps of a story's way, in the order in which they are taken, and who is sent to take them."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from loopctl.cli.asked import Asked
from loopctl.cli.naming import story_id
from loopctl.cli.reviewed import as_reviewed
from loopctl.cli.stepping import said, taken
from loopctl.mcp.arguments import Arguments
from loopctl.mcp.compatible.asking import (
    Count,
    Id,
    MaybeCount,
    MaybeId,
    MaybeText,
    Name,
    OfStory,
    Text,
    asks,
    members,
    step,
)  # fmt: skip
from loopctl.mcp.tools import WRITES, Tool

UNSAID_REVIEW = "enhanced"
"""The type of a review that names none."""


class Contract(OfStory, frozen=True, kw_only=True):
    story_title: Annotated[Text, Meta(description="Exactly.")]
    ac_count: Annotated[Count, Meta(description="Of its acceptance criteria, exactly.")]


class Recover(OfStory, frozen=True, kw_only=True):
    cap_type: Literal["start_cap", "report_cap", "review_complete_cap", "verify_cap"] = "start_cap"
    lineage: list[str] | UnsetType = UNSET


class Usage(Arguments, frozen=True, kw_only=True):
    input_tokens: Count
    output_tokens: Count
    cost_millicents: Count
    model_name: Name


class Report(OfStory, frozen=True, kw_only=True):
    artifact_type: MaybeText = UNSET
    artifact_path: MaybeText = UNSET
    token_usage: Usage | UnsetType = UNSET


class Review(OfStory, frozen=True, kw_only=True):
    review_type: MaybeText = UNSET
    findings_count: Annotated[Count, Meta(description="Exactly fixes_count + disproved_count.")] | UnsetType = UNSET
    fixes_count: MaybeCount = UNSET
    disproved_count: MaybeCount = UNSET
    summary: MaybeText = UNSET


class Verify(OfStory, frozen=True, kw_only=True):
    summary: MaybeText = UNSET
    review_type: MaybeText = UNSET


class Reject(OfStory, frozen=True, kw_only=True):
    reason: Text


class Complete(Arguments, frozen=True, kw_only=True):
    story_id: Id
    summary: Text
    review_type: Name


class CompleteMany(Arguments, frozen=True, kw_only=True):
    stories: Annotated[list[Complete], Meta(min_length=1, max_length=50)]


class VerifyEpic(Arguments, frozen=True, kw_only=True):
    epic_id: Name
    review_type: Name
    summary: Text


class Dispatch(Arguments, frozen=True, kw_only=True):
    role: Literal["agent", "orchestrator"]
    agent_id: Id
    parent_dispatch_id: MaybeId = UNSET
    story_id: MaybeId = UNSET
    expires_in_seconds: Annotated[int, Meta(description="From 60 to 14400.")] = 3600


def report_story(asked: Asked, given: Report) -> Any:
    told = members(given)
    artifact = said(artifact_type=told.get("artifact_type"), path=told.get("artifact_path"))
    body = said(artifact=artifact or None, token_usage=told.get("token_usage"))
    return taken(asked, given.story_id, None, "report", body)


def review_complete(asked: Asked, given: Review) -> Any:
    body = {"review_type": UNSAID_REVIEW, **members(given)}
    return taken(asked, body.pop("story_id"), None, "review-complete", body)


def verify_story(asked: Asked, given: Verify) -> Any:
    """What is not said is the latest review's."""
    told = members(given)
    id_ = story_id(asked, told["story_id"])
    review_type, summary = as_reviewed(asked, id_, told.get("review_type"), told.get("summary"))
    return taken(asked, id_, None, "verify", said(review_type=review_type, summary=summary))


TOOLS = (
    Tool(
        "contract_story", "Contract", WRITES, Contract, step("contract"),
        "First step: says title and number of criteria, so that they were read.", key="agent",
    ),
    Tool("claim_story", "Claim", WRITES, OfStory, step("claim"), "Second step: the story is yours alone.", key="agent"),
    Tool("start_story", "Start", WRITES, OfStory, step("start"), "Third step: the work begins.", key="agent"),
    Tool(
        "request_review", "Ask for a review", WRITES, OfStory, step("request-review"),
        "The implementer's last step.", key="agent", repeats=True,
    ),
    Tool(
        "recover_cap", "Recover a capability", WRITES, Recover, asks("POST", "stories/{story_id}/recover-cap"),
        "Get a lost capability of your own story again.", key="agent",
    ),
    Tool(
        "report_story", "Report as done", WRITES, Report, report_story,
        "By another identity than the implementer's: the work is there.", key="review",
    ),
    Tool(
        "review_complete", "Record a review", WRITES, Review, review_complete,
        "By another identity than the implementer's, after the report; needed before verify_story.", key="review",
    ),
    Tool(
        "verify_story", "Verify", WRITES, Verify, verify_story,
        "Confirm reported and reviewed work. What is not said is the latest review's.", key="orch",
    ),
    Tool("reject_story", "Reject", WRITES, Reject, step("reject"), "Send a story back, with a reason.", key="orch"),
    Tool(
        "bulk_mark_complete", "Mark as complete", WRITES, CompleteMany, asks("POST", "stories/bulk/mark-complete"),
        "Stories that were done before loopctl, in one call.", key="orch",
    ),
    Tool(
        "verify_all_in_epic", "Verify an epic", WRITES, VerifyEpic, asks("POST", "epics/{epic_id}/verify-all"),
        "Verify every reported and reviewed story of an epic.", key="orch",
    ),
    Tool(
        "dispatch", "Dispatch an agent", WRITES, Dispatch, asks("POST", "dispatches"),
        "Make a key for an agent that ends by itself. It is shown once: hand it on as LOOPCTL_API_KEY.", key="orch",
    ),
)  # fmt: skip
