"""Every command: where it is, what it is for. Nothing of it is loaded here."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Listed(NamedTuple):
    name: str
    target: str
    help: str


def _in(module: str, *commands: tuple[str, str, str]) -> tuple[Listed, ...]:
    return tuple(Listed(name, f"loopctl.cli.{module}:{target}", help_) for name, target, help_ in commands)


GROUPS: Mapping[str, Sequence[Listed]] = {
    "Begin": (
        *_in("auth", ("auth", "app", "Log in, and see which key asks: login, whoami, logout.")),
        *_in("config", ("config", "app", "What the client remembers: set, get, show; the server's settings: server.")),
        *_in("up", ("up", "up", "Run the service on this machine (see `loopctl up --help`).")),
        *_in("setup", ("setup", "setup", "Set up a project folder for agents: MCP, hooks, skills, instructions.")),
        *_in("prime", ("prime", "prime", "Say what a fresh agent needs, in at most 1,000 tokens.")),
        *_in("doctor", ("doctor", "doctor", "Check settings, server, key and clock, and say what is missing.")),
        *_in("demo.command", ("demo", "demo", "See a whole loop: agents, reviews, refusals, and the log checked.")),
    ),
    "Projects": (
        *_in("projects", ("project", "app", "Create, list, show and archive projects."),
             ("tenant", "tenant", "Show and change the tenant.")),
        *_in("transfer", ("import", "import_", "Import epics and stories, or another tool's backlog with --from."),
             ("export", "export", "Print a project as JSON that an import takes.")),
        *_in("sync", ("sync", "sync", "Read an imported backlog again, and take over what has changed there.")),
        *_in("work", ("status", "status", "Show a story, or the progress of a project or an epic."),
             ("stories", "stories", "List the stories of a project."),
             ("next", "next_", "List the stories that can be begun, the best first."),
             ("blocked", "blocked", "List the stories that wait, and what for."),
             ("waiting", "waiting", "List what stands still: why, and the command that gets it on."),
             ("pending", "pending", "List the stories that are reported and wait for a check.")),
        *_in("story", ("story", "app", "Comment on a story, and read what others said of it.")),
    ),
    "Implement": _in(
        "working",
        ("contract", "contract", "Read a story's criteria, and say so."),
        ("claim", "claim", "Take a contracted story; --next takes the best ready one."),
        ("start", "start", "Start the work."),
        ("request-review", "request_review", "Ask somebody else to review it."),
        ("heartbeat", "heartbeat", "Renew the lease of a claim."),
        ("unclaim", "unclaim", "Give a story back."),
    ),
    "Confirm": _in(
        "confirming",
        ("report", "report", "Report somebody else's work as done."),
        ("review-complete", "review_complete", "Record a completed review."),
        ("report-run", "report_run", "Report what running the work has found: evidence, and no confirmation."),
        ("verify", "verify", "Confirm reviewed work."),
        ("reject", "reject", "Refuse work with a reason; the story comes again."),
        ("backfill", "backfill", "Mark work as verified that was done before loopctl."),
    ),
    "Look back": (
        *_in("ci", ("ci", "app", "In a CI: post what tests have found, and check whether a change is verified.")),
        *_in("work", ("history", "history", "Show all that happened to a story.")),
        *_in("feed", ("changes", "changes", "Show what has changed since; --follow goes on."),
             ("audit", "audit", "Search the audit trail."),
             ("wait", "wait", "Wait until a story or a project is in a state.")),
        *_in("log", ("log", "app", "Check a log offline: exports, receipts, tiles.")),
        *_in("witness", ("witness", "witness", "Cosign the heads of logs, as somebody who is not their server.")),
    ),
    "Agents and keys": (
        *_in("agents", ("agent", "app", "Register and list agents.")),
        *_in("keys", ("keys", "app", "Create, list, rotate and revoke API keys.")),
        *_in("dispatches", ("dispatch", "app", "Dispatch agents with bounded keys; list and revoke dispatches."),
             ("recover-cap", "recover_cap", "Pick up the capability for a step of a story."),
             ("draw-verifier", "draw_verifier", "Draw another verifier for a story.")),
        *_in("webhooks", ("webhook", "app", "Webhooks: create, test, deliveries, replay, listen, verify.")),
        *_in("state", ("state", "app", "Save and load an orchestrator's state.")),
    ),
    "Costs and skills": (
        *_in("costs", ("token-usage", "token_usage", "Show what a project or a story costs."),
             ("cost-summary", "token_usage", "The same as token-usage."),
             ("cost-anomalies", "anomalies", "List stories that cost far more or less than others."),
             ("anomalies", "anomalies", "The same as cost-anomalies."),
             ("budget", "budget", "Set and list budgets.")),
        *_in("knowledge", ("knowledge", "app", "What was learned: search, context, get, create, drafts, publish.")),
        *_in("skills", ("skill", "app", "Skills: list, get, create, update, diff, stats, costs, import.")),
    ),
    "More": (
        *_in("admin", ("admin", "app", "For superadmins: tenants and figures of the whole service.")),
        *_in("raw", ("api", "api", "Send any request: loopctl api GET stories/ready.")),
        *_in("mcp", ("mcp", "mcp", "Serve the tools of a key's role to an agent, over stdio (MCP).")),
        *_in("completion", ("completion", "completion", "Print the completion script of a shell.")),
    ),
}  # fmt: skip
