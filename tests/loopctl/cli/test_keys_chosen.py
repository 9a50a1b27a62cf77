"""Which key a command is asked with: the one that fits it, whichever are kept; and that is said."""

import io
import json
from collections.abc import Sequence

import pytest

from tests.contract.routes import ROUTES
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import error, stub
from tests.loopctl.cli.test_commands import LISTED
from tests.support.running import Run

ID = "0193a2b4-0000-7000-8000-000000000001"
KEPT = {
    "api_key": "plain",
    "agent_key": "agent",
    "orch_key": "orchestrator",
    "user_key": "user",
    "superadmin_key": "root",
}
ROLES = {"agent": "agent", "orchestrator": "orchestrator", "user": "user", "root": "superadmin"}

READS = ("orchestrator", "agent", "user", "plain")
PLANS = ("user", "orchestrator", "plain")
OWNS = ("user", "plain")
IMPLEMENTS = ("agent", "plain")
JUDGES = ("orchestrator", "plain")
ADMINISTERS = ("root", "plain")
TABLE: dict[str, Sequence[str]] = {
    "project list": READS,
    f"project info {ID}": READS,
    "project create Paint": PLANS,
    f"project archive {ID}": OWNS,
    "tenant info": READS,
    "tenant update --setting a=1": OWNS,
    f"import backlog.json --project {ID}": PLANS,
    f"export --project {ID}": READS,
    f"export --to jsonl --project {ID}": READS,
    f"sync issues.jsonl --from beads --project {ID}": PLANS,
    f"status {ID}": READS,
    f"status --project {ID}": READS,
    f"status --epic {ID}": READS,
    f"stories --project {ID}": READS,
    "next": READS,
    "prime": ("orchestrator", "agent", "user", "root", "plain"),
    "blocked": READS,
    "waiting": READS,
    f"pending --project {ID}": READS,
    f"history {ID}": READS,
    f"story comment {ID} Seen": ("orchestrator", "agent", "user", "plain"),
    f"story comments {ID}": READS,
    f"story evidence {ID}": READS,
    f"ci check 2.1 --project {ID}": READS,
    f"ci report 2.1 --junit backlog.json --project {ID}": READS,
    "changes": READS,
    f"wait {ID} --timeout 0": READS,
    "audit": PLANS,
    f"contract {ID}": IMPLEMENTS,
    f"claim {ID}": IMPLEMENTS,
    "claim --next": IMPLEMENTS,
    f"start {ID}": IMPLEMENTS,
    f"heartbeat {ID}": IMPLEMENTS,
    f"request-review {ID}": IMPLEMENTS,
    f"unclaim {ID}": IMPLEMENTS,
    f"unclaim {ID} --force --reason r": JUDGES,
    f"report {ID}": ("orchestrator", "agent", "plain"),
    f"review-complete {ID}": ("orchestrator", "agent", "user", "plain"),
    f"verify {ID} --summary s --review-type t": JUDGES,
    f"report-run {ID} --status pass --commit-sha 9fceb02d": JUDGES,
    f"reject {ID} --reason r": JUDGES,
    f"recover-cap {ID}": ("orchestrator", "agent", "user", "plain"),
    f"draw-verifier {ID}": PLANS,
    "dispatch create --role agent": PLANS,
    "dispatch list": PLANS,
    f"dispatch show {ID}": PLANS,
    f"dispatch revoke {ID}": PLANS,
    f"backfill {ID} --reason r": PLANS,
    f"state load --project {ID}": JUDGES,
    f"state save --project {ID} --data {{}} --version 1": JUDGES,
    "agent register --name n": IMPLEMENTS,
    "agent list": PLANS,
    f"agent set-cosigner {ID} --cosigner k --proof p": OWNS,
    "keys list": OWNS,
    "keys create --name n --role agent": OWNS,
    f"keys rotate {ID}": OWNS,
    "log rotate-key": OWNS,
    "log texts": OWNS,
    "log erase 7 --reason r": OWNS,
    f"keys revoke {ID}": OWNS,
    "admin stats": ADMINISTERS,
    "admin tenants": ADMINISTERS,
    f"admin tenant {ID}": ADMINISTERS,
    f"admin suspend {ID}": ADMINISTERS,
    f"admin activate {ID}": ADMINISTERS,
    f"admin impersonate {ID} GET stories": ADMINISTERS,
    "api GET stories": READS,
    "api POST stories/next/claim": ("user", "orchestrator", "agent", "root", "plain"),
    f"token-usage --project {ID}": READS,
    f"anomalies --project {ID}": ("orchestrator", "user", "plain"),
    f"budget list --project {ID}": READS,
    f"budget set --project {ID} --scope project --cost 1": PLANS,
    "skill list": READS,
    "knowledge search a": READS,
    f"knowledge get {ID}": READS,
    "knowledge context a": READS,
    "knowledge index": READS,
    "knowledge create --title a --category pattern --file backlog.json": READS,
    "knowledge create --title a --category pattern --file backlog.json --publish": PLANS,
    "knowledge drafts": PLANS,
    "knowledge ingest https://a.example/": PLANS,
    "knowledge ingest backlog.json --file": PLANS,
    "knowledge ingestions": PLANS,
    "knowledge lint": PLANS,
    "knowledge export a.zip": PLANS,
    "knowledge import .": PLANS,
    f"knowledge publish {ID}": PLANS,
    f"knowledge publish {ID} {ID}": OWNS,
    f"knowledge unpublish {ID}": OWNS,
    f"knowledge archive {ID}": OWNS,
    "skill get a": READS,
    "skill history a": READS,
    "skill diff a": READS,
    "skill stats a": READS,
    "skill costs a": OWNS,
    "skill create --name a --file backlog.json": OWNS,
    "skill update a --file backlog.json": OWNS,
    "skill archive a": OWNS,
    "skill import": OWNS,
    "webhook create --url https://a.example --events story.verified": OWNS,
    "webhook list": OWNS,
    "webhook types": OWNS,
    f"webhook show {ID}": OWNS,
    f"webhook update {ID} --deactivate": OWNS,
    f"webhook delete {ID}": OWNS,
    f"webhook test {ID}": OWNS,
    f"webhook deliveries {ID}": OWNS,
    f"webhook deliveries {ID} {ID}": OWNS,
    f"webhook redeliver {ID} {ID}": OWNS,
    f"webhook replay {ID} --from-position 0 --to-position 1": OWNS,
    f"webhook rotate {ID}": OWNS,
    "webhook listen --forward-to http://127.0.0.1:9": READS,
}
"""By command: whose key it takes first, second and so on."""


ANYTHING = ("api POST stories/next/claim",)
"""Of which the command cannot know whose it is: --as says it."""


WITHOUT_A_ROLE = {"auth", "config", "up", "doctor", "demo", "completion", "log", "mcp", "setup", "witness"}


def asked_with(shell: Shell, line: str) -> tuple[str | None, str, str]:
    """The key, the method and the path of the last request."""
    with stub(error(409, "refused")) as server:
        shell(*line.split(), "--server", server.address)
    return (server.asked[-1].bearer, server.asked[-1].method, server.asked[-1].path) if server.asked else (None, "", "")


@pytest.mark.parametrize("line", TABLE)
def test_the_best_key_that_fits_is_taken(alone: Shell, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Went red when a plain login's key went before the roles'. Each is taken back in turn: the next comes."""
    (alone.config.parent.parent / "backlog.json").write_text('{"epics": []}')
    (alone.config.parent.parent / "a.md").write_text("---\ntitle: a\ncategory: pattern\n---\n\ntext\n")
    (alone.config.parent.parent / "issues.jsonl").write_text('{"id": "a", "title": "A"}')
    monkeypatch.chdir(alone.config.parent.parent)
    for name, key in KEPT.items():
        alone("config", "set", name, key)
    settings = {key: name for name, key in KEPT.items()}
    for key in TABLE[line]:
        found, method, path = asked_with(alone, line)
        assert found == key
        assert key == "plain" or line in ANYTHING or may(ROLES[key], method, path)
        alone("config", "set", settings[key], "")
    found, *_ = asked_with(alone, line)
    assert found is None
    assert alone(*line.split(), "--server", "http://127.0.0.1:9").code == (3 if alone.good("config", "show") else 1)


def may(role: str, method: str, path: str) -> bool:
    """By the table of the API's own tests; routes of later versions are nobody's."""
    parts = path.partition("?")[0].split("/")
    for route in ROUTES:
        pattern = route.path.split("/")
        if route.method == method and len(pattern) == len(parts) and all(map(fits, pattern, parts)):
            return allowed(route.access, role)
    return True


def fits(pattern: str, part: str) -> bool:
    return pattern.startswith("{") or pattern == part


def allowed(access: str, role: str) -> bool:
    ranks = ("agent", "orchestrator", "user", "superadmin")
    if access.startswith("="):
        return role in access[1:].split(",")
    return access in ("any", "public") or ranks.index(role) >= ranks.index(access.removesuffix("+"))


def test_the_table_has_every_command_that_asks_a_server() -> None:
    """Went red when heartbeat was taken out of TABLE."""
    tried = {line.split()[0] for line in TABLE}
    same = {"cost-summary": "token-usage", "cost-anomalies": "anomalies"}
    assert {same.get(each.name, each.name) for each in LISTED} - WITHOUT_A_ROLE - tried == set()


def test_the_environment_goes_before_the_file(alone: Shell) -> None:
    """A reviewer's process with a key of its own does not act as the orchestrator whose settings it finds."""
    alone("config", "set", "orch_key", "kept")
    alone.environment(AGENT_KEY="given")
    assert asked_with(alone, f"report {ID}")[0] == "given"


# What reads a file first, or takes a key of its own.
APART = ("import", "sync", "impersonate", "--file", "--junit")


def test_one_key_for_everything_stays_that(alone: Shell) -> None:
    alone("config", "set", "orch_key", "kept")
    alone.environment(API_KEY="one", AGENT_KEY="given")
    asked = {line: asked_with(alone, line)[0] for line in TABLE if not any(map(line.count, APART))}
    assert {line for line, key in asked.items() if key != "one"} == set()


def test_a_role_can_be_chosen(alone: Shell) -> None:
    for name, key in KEPT.items():
        alone("config", "set", name, key)
    assert asked_with(alone, "--as user status --project " + ID)[0] == "user"
    assert alone("status", ID, "--as", "queen", "--server", "http://127.0.0.1:9").code == 2


def test_a_key_that_is_missing_is_named(alone: Shell) -> None:
    alone("config", "set", "agent_key", "agent")
    said = alone("keys", "list", "--server", "http://127.0.0.1:9")
    assert said.error()["error"]["message"] == "This needs a key of the role user; there is only agent_key."
    assert "loopctl auth login --role user" in said.error()["hint"]


def test_a_refusal_says_which_key_it_was(alone: Shell) -> None:
    alone("config", "set", "orch_key", "lc_0123456789")
    with stub(error(403, "insufficient_role")) as server:
        said = alone("keys", "list", "--as", "orchestrator", "--server", server.address)
        people = alone("keys", "list", "--as", "orchestrator", "--server", server.address, "--format", "human")
    assert said.error()["key"] == {"setting": "orch_key", "from": str(alone.config), "key": "lc_01234…"}
    assert f"asked with orch_key (lc_01234…) of {alone.config}" in people.err
    assert "lc_0123456789" not in said.err + people.err


def test_a_login_for_a_role_takes_no_key_of_another(alone: Shell, running: Run, keys: Keys) -> None:
    said = alone("auth", "login", "--server", running.address, "--role", "agent", "--key", keys.orchestrator)
    assert (said.code, "--role orchestrator" in said.error()["hint"], alone.config.exists()) == (3, True, False)
    assert alone("auth", "login", "--server", running.address, "--role", "agent", "--key", keys.implementer).code == 0


def test_keys_of_one_server_are_not_sent_to_another(alone: Shell, running: Run, keys: Keys) -> None:
    alone("config", "set", "server", "https://elsewhere.example")
    alone("config", "set", "orch_key", "secret")
    said = alone("auth", "login", "--server", running.address, "--key", keys.user)
    assert (said.code, "loopctl auth logout" in said.error()["hint"]) == (2, True)
    assert alone("config", "get", "server").out == "https://elsewhere.example\n"


def test_whoami_shows_which_key_each_role_is_asked_with(alone: Shell, running: Run, keys: Keys) -> None:
    login = ("auth", "login", "--server", running.address, "--key")
    alone(*login, keys.user)
    alone(*login, keys.implementer, "--role", "agent")
    alone(*login, keys.orchestrator, "--role", "orchestrator")
    said = alone.good("auth", "whoami")
    assert said["api_key"]["role"] == "orchestrator"
    found = {row["for"]: (row["setting"], row["role"], row["tenant"], row["problem"]) for row in said["keys"]}
    assert found == {
        "agent": ("agent_key", "agent", "acme", None),
        "orchestrator": ("orch_key", "orchestrator", "acme", None),
        "user": ("api_key", "user", "acme", None),
        "superadmin": ("api_key", "user", "acme", None),
    }
    assert "orch_key" in alone("auth", "whoami", "--format", "human").out


def test_whoami_says_which_key_does_not_work(alone: Shell, running: Run, keys: Keys) -> None:
    alone("auth", "login", "--server", running.address, "--key", keys.orchestrator, "--role", "orchestrator")
    alone("config", "set", "agent_key", keys.orchestrator)
    alone("config", "set", "user_key", "lc_wrong")
    said = alone("auth", "whoami")
    problems = {row["for"]: row["problem"] for row in said.json()["keys"]}
    assert (said.code, problems["orchestrator"], problems["agent"]) == (3, None, "it is no key of the role agent")
    assert problems["user"]
    assert alone("doctor").code == 10


def test_a_superadmin_logs_in_and_acts_in_a_tenant(alone: Shell, running: Run, root_key: str, keys: Keys) -> None:
    """Went red when a login asked only for the tenant, which a superadmin has none of."""
    assert alone("auth", "login", "--server", running.address, "--key", root_key, "--role", "superadmin").code == 0
    assert alone.good("auth", "whoami")["api_key"]["role"] == "superadmin"
    tenant = alone.good("tenant", "info", "--impersonate", "acme")["tenant"]
    assert tenant["slug"] == "acme"
    assert alone.good("tenant", "info", "--impersonate", tenant["id"])["tenant"]["id"] == tenant["id"]
    assert "data" in alone.good("keys", "list", "--impersonate", "acme", "--as", "user")
    assert "data" in alone.good("admin", "impersonate", "acme", "get", "projects")
    assert alone("tenant", "info", "--impersonate", "nobody").code == 4
    assert alone("claim", "--next", "--impersonate", "acme", "--as", "agent").code == 3


def test_without_impersonation_a_superadmin_is_in_no_tenant(alone: Shell, running: Run, root_key: str) -> None:
    """The control."""
    alone("auth", "login", "--server", running.address, "--key", root_key)
    assert alone("project", "list").code == 6


@pytest.mark.parametrize("as_made", [True, False])
def test_a_key_comes_through_a_pipe(
    alone: Shell, running: Run, keys: Keys, monkeypatch: pytest.MonkeyPatch, as_made: bool
) -> None:
    made = json.dumps({"api_key": {"raw_key": keys.user, "role": "user"}}, indent=2) if as_made else f"{keys.user}\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(made.encode())))
    assert alone("auth", "login", "--server", running.address, "--role", "user").code == 0
    assert alone("config", "get", "user_key").out == f"{keys.user}\n"


@pytest.mark.parametrize("text", ["", "\n", '{"error": {}}', "id  x\nraw_key  lc_x\n"])
def test_what_is_no_key_is_not_tried(alone: Shell, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert alone("auth", "login", "--server", "http://127.0.0.1:9").code == 2
    assert not alone.config.exists()


def test_an_agent_is_named_by_its_name(shell: Shell, keys: Keys) -> None:
    """The one has such a key already, the other is nobody."""
    create = ("keys", "create", "--name", "again", "--role", "orchestrator", "--agent")
    assert (shell(*create, "olga").code, shell(*create, "nobody").code) == (6, 4)
