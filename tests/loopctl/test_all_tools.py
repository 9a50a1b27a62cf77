"""The 52 tools that guides name: each asks with its key for what the contract has for it (spec 04, appendix A)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from loopctl.answers import Answer, Request
from loopctl.client import Client
from loopctl.mcp.carrying_out import Calls
from loopctl.mcp.compatible.keys import Keyring, usable
from loopctl.mcp.compatible.payload import LARGEST
from loopctl.mcp.compatible.tools import TOOLS
from loopctl.mcp.inside import Inside
from loopctl.mcp.telling import Failure

ID, OTHER = "0193a2b4-0000-7000-8000-000000000001", "0193a2b4-0000-7000-8000-000000000002"
KEYS = {name: name for name in ("orch_key", "agent_key", "user_key")}
READS = ("orch_key", "agent_key", "user_key")
STORY, PROJECT = {"story_id": ID}, {"project_id": ID}
TITLED = {"number": "1.2", "title": "S"}
USED = {"input_tokens": 1, "output_tokens": 2, "cost_millicents": 3, "model_name": "m"}
DONE = {"stories": [{"story_id": ID, "summary": "s", "review_type": "t"}]}
ARTICLE = {"article_id": ID}

EXPECTED: list[tuple[str, str, dict[str, Any], str, Any]] = [
    ("get_tenant", "orch", {}, "GET tenants/me", None),
    ("list_projects", "orch", {}, "GET projects?page_size=100", None),
    ("create_project", "orch", {"name": "A", "slug": "a", "mission": ""}, "POST projects", {"name": "A", "slug": "a"}),
    ("delete_project", "user", {"project_id": ID}, f"DELETE projects/{ID}", None),
    ("get_progress", "orch", {**PROJECT, "include_cost": True}, f"GET projects/{ID}/progress?include_cost=true", None),
    ("backfill_story", "orch", {**STORY, "reason": "r"}, f"POST stories/{ID}/backfill", {"reason": "r"}),
    ("create_story", "orch", {"epic_id": OTHER, "story": TITLED}, f"POST epics/{OTHER}/stories", TITLED),
    (
        "create_story", "orch", {"project_id": ID, "epic_number": 1, "story": TITLED}, f"POST projects/{ID}/stories",
        {"epic_number": 1, **TITLED},
    ),
    (
        "import_stories", "orch", {"project_id": ID, "payload": {"epics": []}, "merge": True},
        f"POST projects/{ID}/import?merge=true", {"epics": []},
    ),
    ("list_stories", "orch", {"project_id": ID, "limit": 50}, f"GET stories?project_id={ID}&limit=20", None),
    ("list_stories", "orch", {"status": "ready", "limit": 1}, "GET stories/ready?limit=1", None),
    ("list_stories", "orch", {"status": "blocked"}, "GET stories/blocked?limit=20", None),
    ("list_stories", "orch", {"status": "verified"}, "GET stories?limit=20&verified_status=verified", None),
    ("list_stories", "orch", {"status": "pending"}, "GET stories?limit=20&agent_status=pending", None),
    ("list_ready_stories", "orch", {"project_id": ID}, f"GET stories/ready?project_id={ID}&limit=20", None),
    ("get_story", "orch", STORY, f"GET stories/{ID}", None),
    ("get_acceptance_criteria", "orch", STORY, f"GET stories/{ID}/acceptance_criteria", None),
    (
        "contract_story", "agent", {**STORY, "story_title": "S", "ac_count": 2}, f"POST stories/{ID}/contract",
        {"story_title": "S", "ac_count": 2},
    ),
    ("claim_story", "agent", STORY, f"POST stories/{ID}/claim", {}),
    ("start_story", "agent", STORY, f"POST stories/{ID}/start", {}),
    ("request_review", "agent", STORY, f"POST stories/{ID}/request-review", {}),
    ("recover_cap", "agent", STORY, f"POST stories/{ID}/recover-cap", {"cap_type": "start_cap"}),
    (
        "report_story", "orch", {**STORY, "artifact_type": "test", "artifact_path": "a.py", "token_usage": USED},
        f"POST stories/{ID}/report", {"artifact": {"artifact_type": "test", "path": "a.py"}, "token_usage": USED},
    ),
    ("report_story", "orch", STORY, f"POST stories/{ID}/report", {}),
    (
        "review_complete", "orch", {**STORY, "findings_count": 14, "fixes_count": 12, "disproved_count": 2},
        f"POST stories/{ID}/review-complete",
        {"review_type": "enhanced", "findings_count": 14, "fixes_count": 12, "disproved_count": 2},
    ),
    (
        "verify_story", "orch", {**STORY, "summary": "s", "review_type": "t"}, f"POST stories/{ID}/verify",
        {"review_type": "t", "summary": "s"},
    ),
    ("reject_story", "orch", {**STORY, "reason": "r"}, f"POST stories/{ID}/reject", {"reason": "r"}),
    ("bulk_mark_complete", "orch", DONE, "POST stories/bulk/mark-complete", DONE),
    (
        "verify_all_in_epic", "orch", {"epic_id": ID, "review_type": "t", "summary": "s"},
        f"POST epics/{ID}/verify-all", {"review_type": "t", "summary": "s"},
    ),
    ("dispatch", "orch", {"role": "agent", "agent_id": ID}, "POST dispatches",
     {"role": "agent", "agent_id": ID, "expires_in_seconds": 3600}),
    ("report_token_usage", "agent", {**STORY, **USED}, "POST token-usage", {**STORY, **USED}),
    ("get_cost_summary", "orch", {"project_id": ID}, f"GET analytics/projects/{ID}", None),
    ("get_cost_summary", "orch", {**PROJECT, "breakdown": "agent"}, f"GET analytics/agents?project_id={ID}", None),
    ("get_cost_summary", "orch", {**PROJECT, "breakdown": "epic"}, f"GET analytics/epics?project_id={ID}", None),
    ("get_cost_summary", "orch", {**PROJECT, "breakdown": "model"}, f"GET analytics/models?project_id={ID}", None),
    ("get_story_token_usage", "orch", STORY, f"GET stories/{ID}/token-usage", None),
    ("get_cost_anomalies", "orch", {}, "GET cost-anomalies", None),
    (
        "set_token_budget", "orch", {"scope_type": "agent", "scope_id": ID, "budget_millicents": 5},
        "POST token-budgets", {"scope_type": "agent", "scope_id": ID, "budget_millicents": 5},
    ),
    ("knowledge_index", "agent", {"story_id": ID}, f"GET knowledge/index?story_id={ID}", None),
    ("knowledge_index", "agent", {"project_id": ID}, f"GET projects/{ID}/knowledge/index", None),
    ("knowledge_search", "agent", {"q": "a b"}, "GET knowledge/search?q=a+b", None),
    ("knowledge_get", "agent", ARTICLE, f"GET articles/{ID}", None),
    ("knowledge_context", "agent", {"query": "q", "limit": 5}, "GET knowledge/context?query=q&limit=5", None),
    ("knowledge_create", "agent", {"title": "t", "body": "b"}, "POST articles", {"title": "t", "body": "b"}),
    ("knowledge_publish", "orch", ARTICLE, f"POST articles/{ID}/publish", {}),
    ("knowledge_bulk_publish", "user", {"article_ids": [ID]}, "POST knowledge/bulk-publish", {"article_ids": [ID]}),
    ("knowledge_unpublish", "user", ARTICLE, f"POST articles/{ID}/unpublish", {}),
    ("knowledge_archive", "user", ARTICLE, f"POST articles/{ID}/archive", {}),
    ("knowledge_delete", "user", ARTICLE, f"DELETE articles/{ID}", None),
    ("knowledge_drafts", "orch", {"limit": 50}, "GET knowledge/drafts?limit=20", None),
    ("knowledge_lint", "orch", {"stale_days": 9}, "GET knowledge/lint?stale_days=9", None),
    ("knowledge_lint", "orch", {"project_id": ID}, f"GET projects/{ID}/knowledge/lint", None),
    ("knowledge_ingest", "orch", {"source_type": "url", "url": "https://a.example"}, "POST knowledge/ingest",
     {"source_type": "url", "url": "https://a.example"}),
    (
        "knowledge_ingest_batch", "orch",
        {"project_id": ID, "items": [{"source_type": "a"}, {"source_type": "b", "project_id": OTHER}]},
        "POST knowledge/ingest/batch",
        {"items": [{"project_id": ID, "source_type": "a"}, {"project_id": OTHER, "source_type": "b"}]},
    ),
    ("knowledge_ingestion_jobs", "orch", {}, "GET knowledge/ingestion-jobs", None),
    ("knowledge_analytics_top", "orch", {"limit": 5}, "GET knowledge/analytics/top-articles?limit=5", None),
    ("knowledge_article_stats", "orch", ARTICLE, f"GET knowledge/articles/{ID}/stats", None),
    ("knowledge_agent_usage", "orch", {"api_key_id": ID}, f"GET knowledge/analytics/agents/{ID}", None),
    ("knowledge_agent_usage", "orch", {"agent_id": ID, "api_key_id": ""}, f"GET knowledge/analytics/agents/{ID}", None),
    ("knowledge_unused_articles", "orch", {"limit": 9}, "GET knowledge/analytics/unused-articles?limit=9", None),
    ("list_routes", "orch", {}, "GET routes", None),
    ("get_sth", "orch", {"tenant_id": ID}, f"GET audit/sth/{ID}", None),
    ("get_system_articles", "orch", {"slug": "a"}, "GET articles/system?slug=a", None),
]  # fmt: skip


class Asked(Struct):
    """What was asked for, and with which setting's key."""

    requests: list[tuple[str | None, Request]]

    def connect(self, setting: str | None) -> Client:
        def answer(request: Request) -> Answer:
            self.requests.append((setting, request))
            return Answer(200, b'{"data": [{"title": "S", "description": "d", "acceptance_criteria": []}]}')

        return Inside(answer, {}, None)


@pytest.fixture
def asked() -> Asked:
    return Asked([])


async def called(asked: Asked, name: str, arguments: dict[str, Any], keys: dict[str, str] | None = None) -> Any:
    ring = Keyring(KEYS if keys is None else keys, asked.connect, None)

    async def act(tool: Any, given: Any) -> Any:
        return ring.act(tool, given)

    return await Calls(TOOLS, act).carry_out(name, arguments)


def test_there_are_52() -> None:
    assert len({tool.name for tool in TOOLS}) == len(TOOLS) == 52
    assert {name for name, *_ in EXPECTED} | {"knowledge_export"} == {tool.name for tool in TOOLS}
    assert all(tool.schema()["type"] == "object" for tool in TOOLS)


@pytest.mark.parametrize(("name", "key", "arguments", "request_line", "body"), EXPECTED)
async def test_each_asks_as_the_contract_says(
    asked: Asked, name: str, key: str, arguments: dict[str, Any], request_line: str, body: Any
) -> None:
    answer = await called(asked, name, arguments)
    assert not isinstance(answer, Failure), answer
    ((setting, request),) = asked.requests
    sent = json.loads(request.content) if request.content else None
    method, _, path = request_line.partition(" ")
    assert (setting, request.method, request.target, sent) == (f"{key}_key", method, f"/api/v1/{path}", body)


async def test_lists_of_stories_leave_long_texts_out(asked: Asked) -> None:
    for name in ("list_stories", "list_ready_stories"):
        assert (await called(asked, name, {}))["data"] == [{"title": "S"}]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
async def test_a_key_that_is_missing_is_said_and_no_other_roles_takes_its_place(asked: Asked, tool: Any) -> None:
    own = {"agent": "agent_key", "orch": "orch_key", "user": "user_key", "review": "orch_key"}.get(tool.key)
    arguments = next((arguments for name, _, arguments, *_ in EXPECTED if name == tool.name), {})
    said = await called(asked, tool.name, arguments, {name: name for name in KEYS if name != own})
    if own is None:
        assert not isinstance(said, Failure)
        return
    assert (said.error["code"], asked.requests) == ("no_key", [])
    assert f"LOOPCTL_{own.upper()}" in said.error["message"]


async def test_reads_go_on_with_whatever_key_there_is_and_what_is_public_with_none(asked: Asked) -> None:
    await called(asked, "get_story", STORY, {"agent_key": "a"})
    await called(asked, "get_sth", {"tenant_id": ID}, {})
    assert [setting for setting, _ in asked.requests] == ["agent_key", None]
    said = await called(asked, "get_story", STORY, {})
    assert said.error["code"] == "no_key"


def test_a_reviewers_key_is_dropped_beside_the_implementers_and_that_is_said() -> None:
    said: list[str] = []
    three = {"agent_key": "a", "orch_key": "o", "reviewer_key": "r"}
    assert set(usable(three, said.append)) == {"agent_key", "orch_key"}
    assert "LOOPCTL_REVIEWER_KEY" in said.pop()
    two = {"orch_key": "o", "reviewer_key": "r"}
    assert usable(two, said.append) == two
    assert set(usable({"api_key": "k", **three}, said.append)) == {"api_key"}
    assert len(said) == 1


async def test_a_reviewers_key_reports_and_reviews_and_nothing_else(asked: Asked) -> None:
    keys = {"orch_key": "o", "reviewer_key": "r"}
    for name in ("report_story", "review_complete", "reject_story"):
        await called(asked, name, {**STORY, "reason": "r"} if name == "reject_story" else STORY, keys)
    assert [setting for setting, _ in asked.requests] == ["reviewer_key", "reviewer_key", "orch_key"]


async def test_one_key_for_everything_asks_for_everything(asked: Asked) -> None:
    for name in ("claim_story", "reject_story"):
        await called(asked, name, {**STORY, "reason": "r"} if name == "reject_story" else STORY, {"api_key": "k"})
    assert {setting for setting, _ in asked.requests} == {"api_key"}


BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "no epic": ("create_story", {"story": TITLED}),
    "a blank reason": ("backfill_story", {**STORY, "reason": " "}),
    "two identities": ("knowledge_agent_usage", {"api_key_id": ID, "agent_id": ID}),
    "no identity": ("knowledge_agent_usage", {"api_key_id": " "}),
    "no uuid": ("knowledge_agent_usage", {"agent_id": "../x"}),
    "a number for an id": ("knowledge_agent_usage", {"agent_id": 7}),
    "a path for an id": ("get_story", {"story_id": "../projects/x"}),
    "another type": ("list_stories", {"limit": "20"}),
    "what there is not": ("get_tenant", {"verbose": True}),
    "a filter that a queue has not": ("list_stories", {"status": "ready", "verified_status": "verified"}),
    "nothing to import": ("import_stories", {"project_id": ID}),
    "an unknown tool": ("drop_everything", {}),
}


@pytest.mark.parametrize("what", BAD)
async def test_what_cannot_be_is_refused_without_a_request(asked: Asked, what: str) -> None:
    said = await called(asked, *BAD[what])
    assert isinstance(said, Failure)
    assert asked.requests == []
    assert len(said.line) < 1200


async def test_null_is_as_if_nothing_was_said(asked: Asked) -> None:
    await called(asked, "list_stories", {"project_id": None, "status": None, "limit": 5})
    assert asked.requests[0][1].target == "/api/v1/stories?limit=5"


async def test_an_export_is_a_command_and_no_request(asked: Asked) -> None:
    said = await called(asked, "knowledge_export", {"project_id": ID})
    assert said["command"] == (
        f'curl -H "Authorization: Bearer $LOOPCTL_ORCH_KEY" "http://inside/api/v1/projects/{ID}/knowledge/export" '
        "-o knowledge-export.zip"
    )
    assert asked.requests == []


async def test_the_older_identity_is_said_to_be_so(asked: Asked) -> None:
    assert "api_key_id" in (await called(asked, "knowledge_agent_usage", {"agent_id": ID}))["_meta"]["deprecation_hint"]


def _made(folder: Path) -> dict[str, str]:
    """Paths that are no payload, by what is wrong with them."""
    (folder / "large.json").write_bytes(b'{"a": "' + b"x" * LARGEST + b'"}')
    (folder / "list.json").write_text('["secret"]')
    (folder / "text.json").write_text("secret")
    (folder / "out.json").symlink_to("/etc/hostname")
    os.mkfifo(folder / "pipe.json")
    return {
        "not absolute": "payload.json", "of the kernel": "/proc/self/environ", "elsewhere": "/etc/hostname",
        "a folder": str(folder), "too large": str(folder / "large.json"), "a list": str(folder / "list.json"),
        "no JSON": str(folder / "text.json"), "a link that leads out": str(folder / "out.json"),
        "not there": str(folder / "nothing.json"), "a pipe": str(folder / "pipe.json"),
        "out and back": f"{folder}/../../../etc/hostname", "a zero": f"{folder}/\0", "device": "/dev/zero",
    }  # fmt: skip


async def test_files_are_imported_from_where_they_may_be_and_nothing_of_others_is_shown(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOPCTL_PAYLOAD_ROOTS", str(tmp_path))
    for what, path in _made(tmp_path).items():
        said = await called(asked, "import_stories", {"project_id": ID, "payload_path": path})
        assert isinstance(said, Failure), what
        assert "secret" not in said.line, what
    assert asked.requests == []
    good = tmp_path / "good.json"
    good.write_text('{"epics": []}')
    await called(asked, "import_stories", {"project_id": ID, "payload_path": str(good)})
    assert asked.requests[0][1].content == b'{"epics":[]}'
    monkeypatch.setenv("LOOPCTL_PAYLOAD_ROOTS", str(tmp_path / "inner"))
    assert isinstance(await called(asked, "import_stories", {"project_id": ID, "payload_path": str(good)}), Failure)
