"""`loopctl dispatch`, recover-cap and draw-verifier; and steps that pick up the capability that they take."""

from uuid import uuid4

from loopctl.cli.demo.founding import new_agent
from loopctl.client import Client
from tests.loopctl.cli.conftest import Keys
from tests.loopctl.cli.shell import Shell
from tests.support.running import Run


def agent(running: Run, keys: Keys, kind: str = "orchestrator") -> str:
    """Without a long-lived key."""
    client = Client(running.address, keys.user)
    try:
        return new_agent(client, running.address, f"agent-{uuid4().hex[:8]}", kind)
    finally:
        client.close()


def test_a_dispatch_is_made_shown_listed_and_revoked(shell: Shell, running: Run, keys: Keys, project: str) -> None:
    made = shell.good(
        "dispatch", "create", "--role", "orchestrator", "--agent", agent(running, keys), "--seconds", "600"
    )
    id_ = made["data"]["dispatch"]["id"]
    dispatched = made["data"]["api_key"]["raw_key"]
    child = shell.good("dispatch", "create", "--role", "agent", "--story", "US-2.1", key=dispatched)["data"]["dispatch"]
    assert child["parent_dispatch_id"] == id_
    shell.environment(API_KEY=keys.user)
    assert shell.good("dispatch", "show", id_)["data"]["lineage_path"] == [id_]
    assert {id_, child["id"]} <= {
        each["id"] for each in shell.good("dispatch", "list", "--live", "--limit", "100")["data"]
    }
    assert shell.good("dispatch", "revoke", id_) == {"data": {"revoked_count": 2}}
    assert id_ not in {each["id"] for each in shell.good("dispatch", "list", "--live", "--limit", "100")["data"]}


def test_a_dispatched_agent_s_steps_pick_up_their_capabilities(
    shell: Shell, running: Run, keys: Keys, project: str
) -> None:
    made = shell.good("dispatch", "create", "--role", "agent", "--agent", agent(running, keys, "implementer"))
    dispatched = made["data"]["api_key"]["raw_key"]
    for step in ("contract", "claim", "start", "request-review"):
        shell.good(step, "US-2.1", key=dispatched)
    refused = shell("recover-cap", "US-2.1", "--type", "report_cap")
    assert "wrong_lineage" in refused.err
    token = shell.good("recover-cap", "US-2.1", "--type", "report_cap", key=keys.other)["data"]
    assert token["typ"] == "report_cap"


def test_a_verifier_is_drawn_when_there_was_none(shell: Shell, running: Run, keys: Keys, project: str) -> None:
    for step in ("contract", "claim", "start", "request-review"):
        shell.good(step, "US-2.1", key=keys.implementer)
    drawn = shell.good("draw-verifier", "US-2.1", key=keys.user)["story"]
    assert drawn["verifier_needed"] is (drawn["verifier_dispatch_id"] is None)
