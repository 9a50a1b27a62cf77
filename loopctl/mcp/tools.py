"""The tools of each role: what they are called, what they take, what is said of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.json import schema_components

from loopctl.conversation import IMPORT_SECONDS
from loopctl.mcp import acting
from loopctl.mcp import arguments as take

READS, WRITES, ENDS = "reads", "writes", "ends"
STORY = "story{} next_actions[]"
PAGE = "data[] meta{}"
KINDS = {"{}": "object", "[]": "array"}


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
    key: str = ""
    """On the surface with several keys: whose (loopctl/mcp/compatible/keys.py)."""
    repeats: bool = False
    """Done twice, it is as if it was done once."""
    gives: str | None = None
    """Members of the answer, such as ``story{} next_actions[]``: an object, and a list. None where the answer is not
    described."""

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        _, components = schema_components([self.takes], ref_template="#/$defs/{name}")
        own = components.pop(self.takes.__name__)
        for each in (own, *components.values()):
            each.pop("title", None)
        return {**own, **({"$defs": components} if components else {})}

    def answer_schema(self) -> dict[str, Any] | None:
        """JSON Schema of the answer: the members that it has, and what they are. None is required, because clients of
        the official SDK hold refusals to it, too, and would show what is missing in place of what was refused."""
        if self.gives is None:
            return None
        kinds = {each.rstrip("{}[]"): KINDS.get(each[-2:]) for each in self.gives.split()}
        return {"type": "object", "properties": {name: {"type": kind} if kind else {} for name, kind in kinds.items()}}


def _resume(own: str, gives: str) -> Tool:
    """``own`` is what is this role's alone."""
    return Tool(
        "resume", "Where things stand", READS, take.InProject, acting.resume,
        f"Call first in a session: who you are (key), how the project stands, and {own}",
        gives=f"tenant{{}} key{{}} project{{}} progress{{}} {gives}",
    )  # fmt: skip


GET = Tool(
    "get_story", "A story", READS, take.OneStory, acting.get_story,
    "With description, acceptance_criteria, artifacts, dependencies, latest_verification. 404 not_found.",
    gives="story{}",
)  # fmt: skip
WAITING_ON = Tool(
    "waiting_on", "What stands still", READS, take.Waiting, acting.waiting_on,
    "Stories in no queue, the longest first: data has {story, why, explanation, needs: {role, action, command, "
    "agent_id}, since}.",
    gives=PAGE,
)  # fmt: skip

KNOWLEDGE = Tool(
    "find_knowledge", "Look it up", READS, take.Question, acting.find_knowledge,
    "What the wiki knows of a question: passages, or with article the whole of it.", gives="",
)  # fmt: skip
COSTS = Tool(
    "get_costs", "Costs", READS, take.Costs, acting.get_costs,
    "What the project has cost, or each of its agents, epics or models.", gives="",
)  # fmt: skip

AGENT = (
    _resume(
        "what you hold and what of others you can report or review, as {count, stories: the first 20}.",
        "held{} to_report{} to_review{}",
    ),
    WAITING_ON,
    Tool(
        "next_story", "Take the next story", WRITES, take.NextStory, acting.next_story,
        "Takes the best ready story of the project: contracted, claimed, started. With lease_seconds the answer has "
        "lease: {expires_at, fencing_token}, which heartbeat renews. 409 nothing_ready. When done, request_review. "
        "After a failure see held in resume.",
        gives=f"{STORY} lease{{}}",
    ),
    GET,
    Tool(
        "heartbeat", "Go on holding a story", WRITES, take.Heartbeat, acting.heartbeat,
        "Renews the lease of the story that you hold. 409 if it is not yours.",
        repeats=True, gives=f"{STORY} lease{{}}",
    ),
    Tool(
        "request_review", "Ask for a review", WRITES, take.Held, acting.request_review,
        "The implementer's last step: another agent then reports and reviews. 409 from a wrong state.",
        repeats=True, gives=STORY,
    ),
    Tool(
        "release_story", "Give a story back", WRITES, take.Held, acting.release_story,
        "Puts the story that you hold back into the queue. 409 when you do not hold it.", gives=STORY,
    ),
    Tool(
        "list_reviews", "Reviews of a story", READS, take.Reviews, acting.list_reviews,
        "data has {review_type, summary, findings_count, …}.", gives=PAGE,
    ),
    Tool(
        "report_story", "Report another's work as done", WRITES, take.Report, acting.report_story,
        "For work of another agent that asked for a review. 409 self_report_blocked for your own work.", gives=STORY,
    ),
    Tool(
        "complete_review", "Record a review", WRITES, take.Review, acting.complete_review,
        "After report_story, by another agent than the implementer. 409 self_review_blocked for your own work; 422 "
        "when the findings are not all fixed or disproved.",
        gives="review_record{}",
    ),
    Tool(
        "report_usage", "Report tokens", WRITES, take.Usage, acting.report_usage,
        "What a session on a story has used, once at its end.", gives="",
    ),
    KNOWLEDGE,
)  # fmt: skip

ORCHESTRATOR = (
    _resume(
        "what you can verify, as {count, stories: the first 20}; state is what save_state kept as main, or null.",
        "to_verify{} state",
    ),
    WAITING_ON,
    Tool(
        "list_stories", "Stories", READS, take.Stories, acting.list_stories,
        "Of the project, or of the whole tenant where none is known.", gives=PAGE,
    ),
    GET,
    Tool(
        "verify_story", "Confirm a story", WRITES, take.Verify, acting.verify_story,
        "Confirms reported and reviewed work of others. result is pass unless said. 422 review_required without a "
        "review, 409 self_verify_blocked.",
        gives=f"status {STORY}",
    ),
    Tool(
        "reject_story", "Refuse a story", WRITES, take.Reject, acting.reject_story,
        "Sends the story back to be done again, for a reason. 409 from a wrong state.", gives=STORY,
    ),
    Tool(
        "create_story", "New story", WRITES, take.NewStory, acting.create_story,
        "In an epic that there is. 422 without the epic, and for a number that is taken.", gives="story{}",
    ),
    Tool(
        "import_stories", "Import epics and stories", WRITES, take.Import, acting.import_stories,
        "All of it or, when something is wrong, nothing. 422 with every error and its place; 409 import_conflict "
        "without merge.",
        IMPORT_SECONDS, gives="import{} ignored[]",
    ),
    Tool(
        "dispatch", "Dispatch an agent", WRITES, take.Dispatch, acting.dispatch,
        "Makes a key for an agent that ends by itself. data.api_key.raw_key is shown once: hand it on as "
        "LOOPCTL_API_KEY.",
        gives="data{}",
    ),
    Tool(
        "save_state", "Save what you remember", WRITES, take.SaveState, acting.save_state,
        "For the next session of this project. 409 version_conflict when version is not the newest.", gives="state{}",
    ),
    COSTS,
    KNOWLEDGE,
)  # fmt: skip

USER = (
    _resume("the projects.", "projects{}"),
    WAITING_ON,
    Tool(
        "list_projects", "Projects", READS, take.Paged, acting.list_projects,
        "data has {id, slug, name, status}.", gives=PAGE,
    ),
    Tool(
        "create_project", "New project", WRITES, take.NewProject, acting.create_project,
        "422 for a slug that is taken.", gives="project{}",
    ),
    Tool(
        "create_key", "New API key", WRITES, take.NewKey, acting.create_key,
        "api_key.raw_key is shown once. 401 webauthn_required where a person has to touch a security key.",
        gives="api_key{}",
    ),
    Tool(
        "revoke_key", "Revoke an API key", ENDS, take.OneKey, acting.revoke_key,
        "At once, and for good. 404 not_found; 401 webauthn_required as with create_key.", gives="",
    ),
    Tool(
        "list_agents", "Agents", READS, take.Paged, acting.list_agents,
        "data has {id, name, agent_type, status}.", gives=PAGE,
    ),
    Tool(
        "set_budget", "Set a budget", WRITES, take.Budget, acting.set_budget,
        "How much a project, epic, story or agent may cost; an alert comes at alert_threshold_pct of it.", gives="",
    ),
    Tool(
        "list_webhooks", "Webhooks", READS, take.Paged, acting.list_webhooks,
        "Where events are sent.", gives=PAGE,
    ),
    COSTS,
    Tool(
        "verify_log", "Check the log", READS, take.Seen, acting.verify_log,
        "Checks the signature of the log's newest head, and that it continues the one in note. Keep the answer's note "
        "for the next time.",
        gives="verified size root note continues",
    ),
)  # fmt: skip

TOOLS: Mapping[str, Sequence[Tool]] = {"agent": AGENT, "orchestrator": ORCHESTRATOR, "user": USER}
"""By the role of the key."""
