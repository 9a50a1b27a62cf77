"""History, changes, audit trail, an orchestrator's state; keys and agents."""

import json
from base64 import b64decode
from itertools import islice
from pathlib import Path

from loopctl.cli.feed import followed
from loopctl.cli.options import PLAIN
from loopctl.cli.session import session
from loopctl.cli.settings import READING
from tests.loopctl.cli.conftest import GENEROUS, Keys
from tests.loopctl.cli.shell import Shell


def test_a_story_has_its_history(shell: Shell, keys: Keys, project: str) -> None:
    shell.good("contract", "2.1", key=keys.implementer)
    assert shell.good("history", "US-2.1")["data"][-1]["new_state"]["agent_status"] == "contracted"


def test_the_log_of_a_story_is_a_file_that_is_checked_offline(
    shell: Shell, keys: Keys, project: str, tmp_path: Path
) -> None:
    shell.good("contract", "2.1", key=keys.implementer)
    tenant = shell.good("api", "GET", "tenants/me")["tenant"]["id"]
    (log_key,) = shell.good("api", "GET", f"tenants/{tenant}/audit_public_keys")["data"]
    file = tmp_path / "story.json"
    assert shell("log", "story-proof", "US-2.1", "--output", str(file)).code == 0
    checked = shell.good("log", "check-story", str(file), "--vkey", log_key["vkey"], "--json")
    assert (checked["verdict"], [step["type"] for step in checked["steps"]][-1]) == ("good", "story.contracted")
    assert shell("log", "check-story", str(file)).code == 2, "nothing is believed without a key"


def test_the_key_of_the_log_is_changed_and_the_first_one_leads_to_the_new_one(shell: Shell, tmp_path: Path) -> None:
    tenant = shell.good("api", "GET", "tenants/me")["tenant"]["id"]
    first = shell.good("api", "GET", f"tenants/{tenant}/audit_public_keys")["data"][0]["vkey"]
    new = shell.good("log", "rotate-key", "--reason", "staff_left")["data"]["vkey"]
    assert shell.good("api", "GET", f"tenants/{tenant}/audit_public_keys")["data"][-1]["vkey"] == new != first
    wrong = shell("log", "rotate-key", "--reason", "Because!")
    assert (wrong.code != 0, "lower-case" in wrong.err) == (True, True)


def test_a_text_is_fetched_beside_the_log_and_erased(shell: Shell, tmp_path: Path) -> None:
    project = shell.good("api", "POST", "projects", "--data", '{"name": "P", "slug": "texts", "description": "a name"}')
    (entry,) = shell.good("api", "GET", f"audit?entity_id={project['project']['id']}")["data"]
    file = tmp_path / "texts.json"
    assert shell("log", "texts", "--output", str(file)).code == 0
    kept = {each["position"]: b64decode(each["payload"]) for each in json.loads(file.read_text())["texts"]}
    assert kept[entry["position"]] == b'{"description":"a name"}'
    erased = shell.good("log", "erase", str(entry["position"]), "--reason", "asked for")
    assert (erased["members"], erased["reason"]) == (["description"], "asked for")
    assert entry["position"] not in {each["position"] for each in shell.good("log", "texts")["texts"]}
    again = shell("log", "erase", str(entry["position"]), "--reason", "asked for")
    assert (again.code != 0, "payload_erased" in again.err) == (True, True)


def test_changes_are_those_of_the_project_since_then(shell: Shell, keys: Keys, project: str) -> None:
    shell.good("contract", "2.1", key=keys.implementer)
    found = shell.good("changes", "--project", project, "--since", "10m")["data"]
    assert found[-1]["new_state"]["agent_status"] == "contracted"
    assert shell.good("changes", "--since", "2099-01-01T00:00:00Z")["data"] == []


def test_following_goes_on_with_what_happens_meanwhile(shell: Shell, keys: Keys, project: str) -> None:
    shell.environment(API_KEY=keys.implementer)
    steps = [("contract", "2.1"), ("claim", "2.1")]
    with session(PLAIN, READING) as asked:
        wanted = {"project_id": shell.good("project", "info", project)["project"]["id"], "entity_type": "story"}

        def meanwhile(_: float) -> None:
            shell.good(*steps.pop(0))

        begin = {"since": asked.client.get("stories", project_id=project)["data"][0]["inserted_at"]}
        found = islice((each for each in followed(asked, wanted, begin, meanwhile) if each["action"] != "imported"), 2)
        assert [each["new_state"]["agent_status"] for each in found] == ["contracted", "assigned"]


def test_the_audit_trail_is_searched(shell: Shell, project: str) -> None:
    found = shell.good("audit", "--project", project, "--entity-type", "project")["data"]
    assert {entry["entity_type"] for entry in found} == {"project"}


def test_a_state_is_saved_again_without_knowing_its_version(shell: Shell, keys: Keys, project: str) -> None:
    shell.environment(API_KEY=keys.orchestrator)
    for phase in ("one", "two"):
        saved = shell.good("state", "save", "--project", project, "--data", f'{{"phase": "{phase}"}}')
    assert saved["state"]["version"] == 2
    assert shell.good("state", "load", "--project", project)["state"]["state_data"] == {"phase": "two"}


def test_an_old_version_of_a_state_is_refused(shell: Shell, keys: Keys, project: str) -> None:
    shell.environment(API_KEY=keys.orchestrator)
    shell.good("state", "save", "--data", "{}")
    said = shell("state", "save", "--data", "{}", "--version", "7")
    assert (said.code, "loopctl state load" in said.error()["hint"]) == (5, True)


def test_a_key_is_made_replaced_and_revoked(shell: Shell) -> None:
    made = next(iter(shell.good("keys", "create", "--name", "ci", "--role", "agent").values()))
    assert made["raw_key"].startswith("lc_")
    shell.good("keys", "rotate", made["id"], "--grace-hours", "1")
    shell.good("keys", "revoke", made["id"])
    assert made["id"] not in [key["id"] for key in shell.good("keys", "list", "--all")["data"]]


def test_an_agent_registers_with_its_own_key(shell: Shell, keys: Keys) -> None:
    made = next(iter(shell.good("keys", "create", "--name", "new", "--role", "agent").values()))
    agent = shell.good("agent", "register", "--name", "newcomer", "--type", "implementer", key=made["raw_key"])["agent"]
    assert agent["id"] in [each["id"] for each in shell.good("agent", "list", "--all", key=keys.user)["data"]]


def test_a_setting_of_the_tenant_is_changed_with_its_type(shell: Shell) -> None:
    changed = shell.good(
        "tenant", "update", "--setting", f"max_projects={GENEROUS['max_projects']}", "--setting", "theme=dark"
    )
    assert changed["tenant"]["settings"] == {**GENEROUS, "theme": "dark"}
    shell.good("tenant", "info")
