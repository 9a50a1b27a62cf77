"""The tools of each role: what they are called, what they take, what is said of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.json import schema_components

from loopctl.conversation import IMPORT_SECONDS
from loopctl.mcp import acting
from loopctl.mcp import arguments as take

READS, WRITES, ENDS = "reads", "writes", "ends"
STORY = "Answers {story, next_actions}."


class Tool(Struct, frozen=True):
    name: str
    title: str
    effect: str
    """reads, writes, or ends something that cannot be had back."""
    takes: type[take.Arguments]
    act: Callable[..., Any]
    """Of a Session and the arguments."""
    description: str
    seconds: float = 15.0
    """For an answer, with the attempts that a server needs which restarts or asks to wait."""

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        _, components = schema_components([self.takes], ref_template="#/$defs/{name}")
        own = components.pop(self.takes.__name__)
        for each in (own, *components.values()):
            each.pop("title", None)
        return {**own, **({"$defs": components} if components else {})}


RESUME = Tool(
    "resume", "Where things stand", READS, take.InProject, acting.resume,
    "Call first in a session. Answers {tenant, key: {role, agent_id}, project, progress} and what is this role's: of "
    "an agent held, to_report and to_review, of an orchestrator to_verify and state (the saved state main, or null), "
    "each list {count, stories: the first 20}; of a user projects. project and progress only where a project is known.",
)  # fmt: skip
GET = Tool(
    "get_story", "A story", READS, take.OneStory, acting.get_story,
    "Answers {story} with description, acceptance_criteria, artifacts, dependencies, latest_verification. "
    "404 not_found.",
)  # fmt: skip
WAITING_ON = Tool(
    "waiting_on", "What stands still", READS, take.Waiting, acting.waiting_on,
    "Stories in no queue. Answers {data: [{story, why, explanation, needs: {role, action, command, agent_id}, since}], "
    "meta}, the longest first.",
)  # fmt: skip

AGENT = (
    RESUME,
    WAITING_ON,
    Tool(
        "next_story", "Take the next story", WRITES, take.NextStory, acting.next_story,
        "Takes the best ready story of the project: contracted, claimed, started. Answers {story, next_actions} and, "
        "with lease_seconds, lease: {expires_at, fencing_token}, which heartbeat renews. 409 nothing_ready. When done, "
        "request_review. After a failure see held in resume.",
    ),
    GET,
    Tool(
        "heartbeat", "Go on holding a story", WRITES, take.Heartbeat, acting.heartbeat,
        "Renews the lease of the story that you hold. Answers {story, lease, next_actions}. 409 if it is not yours.",
    ),
    Tool(
        "request_review", "Ask for a review", WRITES, take.Held, acting.request_review,
        f"The implementer's last step: another agent then reports and reviews. {STORY} 409 from a wrong state.",
    ),
    Tool(
        "release_story", "Give a story back", WRITES, take.Held, acting.release_story,
        f"Puts the story that you hold back into the queue. {STORY} 409 when you do not hold it.",
    ),
    Tool(
        "list_reviews", "Reviews of a story", READS, take.Reviews, acting.list_reviews,
        "Answers {data: [{review_type, summary, findings_count, …}], meta: {page, total_count}}.",
    ),
    Tool(
        "report_story", "Report another's work as done", WRITES, take.Report, acting.report_story,
        f"For work of another agent that asked for a review. {STORY} 409 self_report_blocked for your own work.",
    ),
    Tool(
        "complete_review", "Record a review", WRITES, take.Review, acting.complete_review,
        "After report_story, by another agent than the implementer. Answers {review_record}. 409 self_review_blocked "
        "for your own work; 422 when the findings are not all fixed or disproved.",
    ),
)  # fmt: skip

ORCHESTRATOR = (
    RESUME,
    WAITING_ON,
    Tool(
        "list_stories", "Stories", READS, take.Stories, acting.list_stories,
        "Of the project, or of the whole tenant where none is known. Answers {data: [story], meta: {page, page_size, "
        "total_count, total_pages}}.",
    ),
    GET,
    Tool(
        "verify_story", "Confirm a story", WRITES, take.Verify, acting.verify_story,
        "Confirms reported and reviewed work of others. result is pass unless said. Answers {status, story, "
        "next_actions}. 422 review_required without a review, 409 self_verify_blocked.",
    ),
    Tool(
        "reject_story", "Refuse a story", WRITES, take.Reject, acting.reject_story,
        f"Sends the story back to be done again, for a reason. {STORY} 409 from a wrong state.",
    ),
    Tool(
        "create_story", "New story", WRITES, take.NewStory, acting.create_story,
        "In an epic that there is. Answers {story}. 422 without the epic, and for a number that is taken.",
    ),
    Tool(
        "import_stories", "Import epics and stories", WRITES, take.Import, acting.import_stories,
        "All of it or, when something is wrong, nothing. Answers {import: {epics_created, stories_created, "
        "dependencies_created}, ignored}. 422 with every error and its place; 409 import_conflict without merge.",
        IMPORT_SECONDS,
    ),
    Tool(
        "dispatch", "Dispatch an agent", WRITES, take.Dispatch, acting.dispatch,
        "Makes a key for an agent that ends by itself. Answers {data: {dispatch, api_key: {raw_key}}}: raw_key is "
        "shown once, hand it on as LOOPCTL_API_KEY.",
    ),
    Tool(
        "save_state", "Save what you remember", WRITES, take.SaveState, acting.save_state,
        "For the next session of this project. Answers {state: {version, state_data}}. 409 version_conflict when "
        "version is not the newest.",
    ),
)  # fmt: skip

USER = (
    RESUME,
    WAITING_ON,
    Tool(
        "list_projects", "Projects", READS, take.Paged, acting.list_projects,
        "Answers {data: [{id, slug, name, status}], meta: {page, total_count}}.",
    ),
    Tool(
        "create_project", "New project", WRITES, take.NewProject, acting.create_project,
        "Answers {project}. 422 for a slug that is taken.",
    ),
    Tool(
        "create_key", "New API key", WRITES, take.NewKey, acting.create_key,
        "Answers {api_key: {id, raw_key}}: raw_key is shown once. 401 webauthn_required where a person has to touch a "
        "security key.",
    ),
    Tool(
        "revoke_key", "Revoke an API key", ENDS, take.OneKey, acting.revoke_key,
        "At once, and for good. Answers the revoked key. 404 not_found; 401 webauthn_required as with create_key.",
    ),
    Tool(
        "list_agents", "Agents", READS, take.Paged, acting.list_agents,
        "Answers {data: [{id, name, agent_type, status}], meta: {page, total_count}}.",
    ),
    Tool(
        "list_webhooks", "Webhooks", READS, take.Paged, acting.list_webhooks,
        "Answers {data: [webhook], meta: {page, total_count}}.",
    ),
)  # fmt: skip

TOOLS: Mapping[str, Sequence[Tool]] = {"agent": AGENT, "orchestrator": ORCHESTRATOR, "user": USER}
"""By the role of the key."""

NOT_BUILT = frozenset(("find_knowledge", "get_costs", "report_usage", "set_budget", "verify_log"))
"""Names of tools to come. They are in no list."""
