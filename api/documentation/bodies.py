"""What the type of a body does not say and the document does: an example, what must be there, and within which bounds.

A body takes more than is right, so that one answer names all that is wrong with it. Here stands what is right, made of
the domain's own bounds; tests/contract/test_bodies.py sends each example, and leaves out what must be there.
"""

from collections.abc import Mapping
from typing import Any, get_args

from api.documentation.cost_bodies import COST_BODIES, USAGE
from api.documentation.knowledge_bodies import KNOWLEDGE_BODIES
from api.documentation.shown import Shown, list_of, one_of, text, whole
from domain import erasure
from domain.agent import AGENT_TYPES
from domain.authenticator import LONGEST_NAME as LONGEST_KEY_NAME
from domain.capability import CAPABILITY_TYPES
from domain.ci_trust import LONGEST as LONGEST_TRUSTED
from domain.dispatch import DISPATCH_ROLES
from domain.event import LARGEST_DATA
from domain.fields import LONGEST_DESCRIPTION, LONGEST_NAME, LONGEST_TITLE, SLUG
from domain.key import KEY_ROLES
from domain.lifecycle.comments import LONGEST_COMMENT
from domain.lifecycle.events import RunnerType, RunStatus
from domain.lifecycle.implementer import LONGEST_LEASE, SHORTEST_LEASE
from domain.lifecycle.judges import MOST_FINDINGS
from domain.lifecycle.runs import LONGEST_HASH
from domain.log_key import REASON
from domain.observation import LONGEST_EVENT
from domain.skill import LONGEST_PROMPT, LONGEST_SUMMARY
from domain.story_details import (
    LONGEST_ASSIGNEE,
    LONGEST_EXTERNAL_ID,
    LONGEST_LABEL,
    LONGEST_SOURCE,
    LONGEST_TIME,
    MOST_CLAIMED,
    MOST_LABELS,
    MOST_PRIORITY,
    TIMES,
)
from domain.story_fields import LARGEST_HOURS, MOST_CRITERIA
from domain.tenant import LONGEST_REASON, LONGEST_RETENTION_DAYS, SHORTEST_RETENTION_DAYS
from domain.ui_test_run import LONGEST_GUIDE, LONGEST_LINE, LONGEST_NOTES, LONGEST_TEXT, SEVERITIES, TEXTS
from domain.violator import LONGEST_NOTE
from domain.webhook import EVENT_TYPES, LONGEST_URL, MOST_EVENTS

SOME_STORY = "0193a2b4-0000-7000-8000-000000000011"
ANOTHER_STORY = "0193a2b4-0000-7000-8000-000000000012"
SOME_EPIC, ANOTHER_EPIC = "0193a2b4-0000-7000-8000-000000000008", "0193a2b4-0000-7000-8000-000000000009"
SOME_AGENT = "0193a2b4-0000-7000-8000-000000000031"
METHODS = ("POST", "PUT", "PATCH", "DELETE")
SOME_CEREMONY = "0193a2b4-0000-7000-8000-000000000051"
SOME_PROJECT = "0193a2b4-0000-7000-8000-000000000004"
MOST_IN_BULK = 50


HOOKED = list_of(one_of(EVENT_TYPES), MOST_EVENTS)
WORD = {"type": "string", "pattern": f"^{REASON.pattern}$"}
NAME, TITLE = text(LONGEST_NAME), text(LONGEST_TITLE)
SHARED = {"description": f"With the other texts at most {LARGEST_DATA} bytes of JSON in UTF-8, as the log takes."}
DESCRIPTION = {**text(LONGEST_DESCRIPTION), **SHARED}
ID = {"type": "string", "format": "uuid"}
NAMED_STORY = {"type": "object", "required": ["story_id"], "properties": {"story_id": ID}}
VERSION = {"type": ["integer", "null"]}
TIME = {"type": "string", "format": "date-time"}
LEASE = whole(SHORTEST_LEASE, LONGEST_LEASE)
FINDINGS = whole(0, MOST_FINDINGS)
SUBSTANCE = {"type": "string", "minLength": 1}
CRITERIA = [{"id": "AC-1", "description": "A wrong password is refused"}]
STORY_MEMBERS = {
    "title": TITLE, "description": DESCRIPTION,
    "acceptance_criteria": {"type": "array", "items": {"type": "object"}, "maxItems": MOST_CRITERIA},
    "estimated_hours": {"type": ["number", "string", "null"], "minimum": 0, "maximum": LARGEST_HOURS},
    "external_source": text(LONGEST_SOURCE), "external_id": text(LONGEST_EXTERNAL_ID),
    "external_times": {
        "type": ["object", "null"], "properties": {name: text(LONGEST_TIME) for name in TIMES},
        "description": "As the source has them, as ISO 8601 writes dates and times.",
    },
    "labels": list_of(text(LONGEST_LABEL), MOST_LABELS), "priority": whole(0, MOST_PRIORITY),
    "assignee": text(LONGEST_ASSIGNEE), "claimed_criteria": list_of(text(LONGEST_EXTERNAL_ID), MOST_CLAIMED),
}  # fmt: skip
EPIC_MEMBERS = {
    "title": TITLE,
    "description": DESCRIPTION,
    "phase": NAME,
    "position": {"type": "integer", "minimum": 0},
}
PROJECT_MEMBERS = {
    "name": NAME,
    "description": DESCRIPTION,
    "tech_stack": NAME,
    "status": one_of(("active", "archived")),
}
ARTIFACT = {"artifact_type": "test", "path": "tests/test_login.py", "exists": True, "details": {"lines": 40}}

SKILL = {"name": "loopctl:review", "prompt_text": "Read the story and its criteria."}
PROMPT = {"prompt_text": {"type": "string", "minLength": 1, "maxLength": LONGEST_PROMPT, **SHARED}}
SKILL_MEMBERS = {"name": NAME, **PROMPT, "description": text(LONGEST_SUMMARY)}

UI_TEST = {"guide_reference": text(LONGEST_GUIDE), "notes": text(LONGEST_NOTES)}
UI_FINDING = {
    "severity": one_of(SEVERITIES), **dict.fromkeys(TEXTS, text(LONGEST_TEXT)),
    **dict.fromkeys(("title", "step", "type", "screenshot_path"), text(LONGEST_LINE)),
}  # fmt: skip
COMPLETED = {"status": one_of(("passed", "failed")), "summary": text(LONGEST_TEXT)}

EVIDENCE = '<testsuite><testcase classname="tests.test_keys" name="test_a_wrong_password"/></testsuite>'
TRUSTED = {
    "issuer": "https://gitlab.com", "repository_id": "74213", "owner_id": "1017",
    "workflow": "gitlab.com/acme/keys//.gitlab-ci.yml", "ref": "refs/heads/main",
}  # fmt: skip

BODIES: Mapping[str, Shown] = {
    "EvidenceBody": Shown(
        {"junit": EVIDENCE, "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8", "run_url": "https://ci.example.com/17"}
    ),
    "TrustBody": Shown(
        TRUSTED, ("issuer", "repository_id", "workflow", "ref"),
        {"workflow": text(LONGEST_TRUSTED), "ref": text(LONGEST_TRUSTED)},
    ),
    **COST_BODIES,
    **KNOWLEDGE_BODIES,
    "MessageBody": Shown({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}, ("jsonrpc", "method")),
    "UpdateTenantBody": Shown(
        {"name": "Example", "settings": {"auto_reset_on_rejection": True}},
        members={"token_data_retention_days": whole(SHORTEST_RETENTION_DAYS, LONGEST_RETENTION_DAYS)},
    ),
    "OperationBody": Shown(
        {"method": "DELETE", "path": "/api/v1/projects/my-app"}, ("method", "path"), {"method": one_of(METHODS)}
    ),
    "AssertionBody": Shown(
        {"credential_id": "AAEC", "authenticator_data": "SZYN", "client_data_json": "eyJ0", "signature": "MEUC"}
    ),
    "NameBody": Shown(
        {"friendly_name": "Red key"}, ("friendly_name",), {"friendly_name": text(LONGEST_KEY_NAME)}
    ),
    "NewAuthenticatorBody": Shown(
        {"credential_id": "AAEC", "attestation_object": "o2Nm", "client_data_json": "eyJ0"},
        ("credential_id", "attestation_object", "client_data_json"),
    ),
    "EnrolBody": Shown(
        {"friendly_name": "Blue key"}, ("friendly_name",), {"friendly_name": text(LONGEST_KEY_NAME)}
    ),
    "AttestationBody": Shown(
        {"ceremony_id": SOME_CEREMONY, "credential_id": "AAEC", "attestation_object": "o2Nm",
         "client_data_json": "eyJ0"},
        ("ceremony_id", "credential_id", "attestation_object", "client_data_json"), {"ceremony_id": ID},
    ),
    "SignupBody": Shown(
        {"ceremony_id": SOME_CEREMONY, "name": "Acme", "slug": "acme", "email": "ops@acme.example"},
        ("ceremony_id", "name", "slug", "email"), {"ceremony_id": ID, "name": text(LONGEST_KEY_NAME)},
    ),
    "RegisterAgentBody": Shown(
        {"name": "worker-1", "agent_type": "implementer"}, ("name", "agent_type"),
        {"name": NAME, "agent_type": one_of(AGENT_TYPES)},
    ),
    "UpdateAgentBody": Shown({"status": "idle"}),
    "CreateKeyBody": Shown(
        {"name": "ci", "role": "agent", "expires_at": "2099-01-31T12:00:00Z"}, ("name", "role"),
        {"name": NAME, "role": one_of(KEY_ROLES), "agent_id": ID, "expires_at": TIME},
    ),
    "RecoverTenantBody": Shown(
        {"reason": "The office has burnt down"}, ("reason",), {"reason": text(LONGEST_REASON)}
    ),
    "CancelBody": Shown(
        {"credential_id": "AAEC", "authenticator_data": "SZYN", "client_data_json": "eyJ0", "signature": "MEUC"},
    ),
    "LinkBody": Shown(
        {"link": f"{SOME_PROJECT}.3q2-7w", "friendly_name": "Blue key"}, ("link", "friendly_name"),
        {"friendly_name": text(LONGEST_KEY_NAME)},
    ),
    "UseLinkBody": Shown(
        {"link": f"{SOME_PROJECT}.3q2-7w", "credential_id": "AAEC", "attestation_object": "o2Nm",
         "client_data_json": "eyJ0"},
        ("link", "credential_id", "attestation_object", "client_data_json"),
    ),
    "AttestedBody": Shown(
        {"credential_id": "AAEC", "attestation_object": "o2Nm", "client_data_json": "eyJ0"},
        ("credential_id", "attestation_object", "client_data_json"),
    ),
    "SettleBody": Shown({"note": "Spoken to whoever it was"}, members={"note": text(LONGEST_NOTE)}),
    "RotateLogKeyBody": Shown({"reason": "scheduled"}, members={"reason": WORD}),
    "RotateKeyBody": Shown(
        {"grace_period_hours": 24},
    ),
    "ObserveBody": Shown(
        {"event": "tool_called", "entity_type": "story", "entity_id": SOME_STORY, "data": {"tool": "Edit"}}, ("event",),
        {"event": text(LONGEST_EVENT), "entity_type": one_of(("session", "story", "project"))},
    ),
    "EpicDependencyBody": Shown(
        {"epic_id": SOME_EPIC, "depends_on_epic_id": ANOTHER_EPIC}, ("epic_id", "depends_on_epic_id"),
        {"epic_id": ID, "depends_on_epic_id": ID},
    ),
    "StoryDependencyBody": Shown(
        {"story_id": SOME_STORY, "depends_on_story_id": ANOTHER_STORY}, ("story_id", "depends_on_story_id"),
        {"story_id": ID, "depends_on_story_id": ID},
    ),
    "UpdateEpicBody": Shown({"title": "Accounts", "phase": "beta"}, members=EPIC_MEMBERS),
    "CreateEpicBody": Shown(
        {"number": 2, "title": "Accounts", "description": "Signing in and out", "phase": "alpha"}, ("number", "title"),
        EPIC_MEMBERS,
    ),
    "UpdateStoryBody": Shown({"description": "With the lock-out after five tries"}, members=STORY_MEMBERS),
    "CreateStoryBody": Shown(
        {"number": "1.2", "title": "Login", "acceptance_criteria": CRITERIA, "estimated_hours": 4}, ("number", "title"),
        STORY_MEMBERS,
    ),
    "CreateStoryInEpicBody": Shown(
        {"number": "1.2", "title": "Login", "epic_number": 1, "acceptance_criteria": CRITERIA},
        ("number", "title", "epic_number"), STORY_MEMBERS,
    ),
    "UpdateCriterionBody": Shown({"evidence_path": "tests/test_login.py"}),
    "SaveStateBody": Shown(
        {"state_data": {"step": 3}, "version": 0}, ("state_data",), {"version": VERSION},
    ),
    "CreateProjectBody": Shown(
        {"name": "My app", "slug": "my-app", "tech_stack": "python"}, ("name", "slug"),
        {**PROJECT_MEMBERS, "slug": {"type": "string", "pattern": f"^{SLUG.pattern}$"}},
    ),
    "UpdateProjectBody": Shown({"mission": "People sign in without help"}, members=PROJECT_MEMBERS),
    "ImportBody": Shown(
        {"epics": [{"number": 1, "title": "Accounts", "stories": [{"number": "1.1", "title": "Login"}]}]},
    ),
    "ContractBody": Shown({"story_title": "Login", "ac_count": 1}, members={"ac_count": whole(0, MOST_CRITERIA)}),
    "HoldBody": Shown({"lease_seconds": 3600}, members={"lease_seconds": LEASE}),
    "HeldBody": Shown({}),
    "NextClaimBody": Shown(
        {"project_id": SOME_PROJECT, "lease_seconds": 3600}, ("project_id",), {"lease_seconds": LEASE},
    ),
    "ReportBody": Shown({"artifact": ARTIFACT, "token_usage": USAGE}),
    "CommentBody": Shown(
        {"body": "The old key is still needed by the nightly job"}, ("body",), {"body": text(LONGEST_COMMENT)}
    ),
    "ArtifactBody": Shown(ARTIFACT, ("artifact_type", "path"), {"artifact_type": NAME, "path": DESCRIPTION}),
    "ReviewBody": Shown(
        {"review_type": "adversarial", "findings_count": 3, "fixes_count": 2, "disproved_count": 1, "summary": "Sound"},
        members=dict.fromkeys(("findings_count", "fixes_count", "disproved_count"), FINDINGS),
    ),
    "MintBody": Shown(
        {"role": "agent", "expires_in_seconds": 3600}, ("role",),
        {"role": one_of(DISPATCH_ROLES), "agent_id": ID, "story_id": ID, "parent_dispatch_id": ID},
    ),
    "RecoverBody": Shown({"cap_type": "start_cap"}, (), {"cap_type": one_of(CAPABILITY_TYPES)}),
    "VerifyBody": Shown(
        {"result": "pass", "review_type": "adversarial", "summary": "All criteria met"}, ("review_type", "summary"),
        {"result": one_of(("pass", "partial")), "review_type": SUBSTANCE, "summary": SUBSTANCE},
    ),
    "RunBody": Shown(
        {
            "status": "pass", "commit_sha": "9fceb02d0ae598e95dc970b74767f19372d61af8", "runner_type": "ci_github",
            "logs_url": "https://ci.example.com/runs/17", "ac_results": {},
        },
        ("status", "commit_sha"),
        {
            "status": one_of(get_args(RunStatus)), "runner_type": one_of(get_args(RunnerType)),
            "commit_content_hash": {"type": "string", "minLength": 1, "maxLength": LONGEST_HASH},
        },
    ),
    "RejectBody": Shown({"reason": "A wrong password is let in"}, ("reason",), {"reason": SUBSTANCE}),
    "EraseBody": Shown(
        {"reason": "The description had a customer's telephone number."},
        ("reason",), {"reason": text(erasure.LONGEST_REASON)},
    ),
    "ClearHaltBody": Shown(
        {"reason": "A backup was restored by mistake; the lost day was entered again"}, ("reason",),
        {"reason": text(LONGEST_REASON)},
    ),
    "ShowHeadBody": Shown(
        {"note": "loopctl.example/t/0193\n5\nkOl+3XKXheOLPdt/wARw6n5Y9AWtv2PpPB7SEDlkGSM=\n\n… xwbd1lFs…\n"}, ("note",)
    ),
    "ForceUnclaimBody": Shown({"reason": "Its agent does not answer"}),
    "BackfillBody": Shown(
        {"reason": "Done before loopctl", "evidence_url": "https://example.org/pull/7", "pr_number": 7}, ("reason",),
        {"reason": SUBSTANCE, "pr_number": {"type": ["integer", "string", "null"], "minimum": 1}},
    ),
    "CreateWebhookBody": Shown(
        {"url": "https://hooks.example.com/loopctl", "events": ["story.verified", "story.rejected"]},
        ("url", "events"), {"url": text(LONGEST_URL), "events": HOOKED, "project_id": ID},
    ),
    "WebhookBody": Shown(
        {"events": ["story.verified"], "active": True}, members={"url": text(LONGEST_URL), "events": HOOKED},
    ),
    "TestBody": Shown({"event_type": "story.verified"}, members={"event_type": one_of(EVENT_TYPES)}),
    "ReplayBody": Shown({"from_position": 120, "to_position": 180}, members={"since": TIME, "until": TIME}),
    "CreateSkillBody": Shown(SKILL, ("name", "prompt_text"), {**SKILL_MEMBERS, "project_id": ID}),
    "ImportedSkillBody": Shown(SKILL, ("name", "prompt_text"), {**SKILL_MEMBERS, "project_id": ID}),
    "ImportSkillsBody": Shown({"skills": [SKILL]}, ("skills",)),
    "UpdateSkillBody": Shown(
        {"description": "Review finished work"},
        members={"description": text(LONGEST_SUMMARY), "status": one_of(("active", "archived"))},
    ),
    "SkillVersionBody": Shown(
        {"prompt_text": "Read the story, its criteria and the change.", "changelog": "The change, too"},
        ("prompt_text",), {**PROMPT, "changelog": text(LONGEST_SUMMARY), "created_by": NAME},
    ),
    "SkillResultBody": Shown(
        {
            "skill_version_id": SOME_AGENT, "verification_result_id": SOME_EPIC, "story_id": SOME_STORY,
            "metrics": {"findings_count": 3, "false_positive_count": 1},
        },
        ("skill_version_id", "verification_result_id", "story_id"),
        dict.fromkeys(("skill_version_id", "verification_result_id", "story_id"), ID),
    ),
    "StartUiTestBody": Shown({"notes": "After the second epic"}, members=UI_TEST),
    "StartGuidedUiTestBody": Shown({"guide_reference": "docs/guides/login.md"}, ("guide_reference",), UI_TEST),
    "UiTestFindingBody": Shown(
        {"step": "3. Add to cart", "severity": "critical", "type": "crash", "description": "The page is empty"},
        members=UI_FINDING,
    ),
    "UiFindingBody": Shown(
        {"severity": "bug", "title": "No error is shown for a wrong password", "steps": "1. Open /login"},
        ("severity", "title"), UI_FINDING,
    ),
    "CompleteUiTestBody": Shown({"summary": "Three bugs"}, ("summary",), COMPLETED),
    "CompleteGuidedUiTestBody": Shown(
        {"status": "passed", "summary": "All steps work"}, ("status", "summary"), COMPLETED
    ),
    "BulkClaimBody": Shown({"story_ids": [SOME_STORY]}, ("story_ids",), {"story_ids": list_of(ID, MOST_IN_BULK)}),
    "BulkBody": Shown(
        {
            "stories": [
                {"story_id": SOME_STORY, "review_type": "adversarial", "summary": "All met", "reason": "Not yet"}
            ]
        },
        ("stories",),
        {"stories": list_of(NAMED_STORY, MOST_IN_BULK)},
    ),
}  # fmt: skip


def example_of(schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Of a request whose body is of this schema, which is a reference or one of several. None: not ours."""
    names = [each.get("$ref", "").rpartition("/")[2] for each in (schema, *schema.get("oneOf", ()))]
    return next((BODIES[name].example for name in names if name in BODIES), None)


def complete(schemas: dict[str, Any]) -> None:
    """Puts what is said here into the document's schemas of bodies."""
    for name, shown in BODIES.items():
        schema = schemas.get(name)
        if schema is None:
            continue
        schema["examples"] = [dict(shown.example)]
        schema["required"] = sorted({*schema.get("required", ()), *shown.required})
        for member in {*shown.members, *shown.required}:
            said = shown.members.get(member, {})
            schema["properties"][member] = _with(
                schema["properties"][member], said, may_be_null=member not in shown.required
            )


def _with(schema: dict[str, Any], said: Mapping[str, Any], *, may_be_null: bool) -> dict[str, Any]:
    """A member that must be there is not null; of another one null says nothing, and is taken."""
    kinds = [each for each in schema.get("oneOf", ()) if each.get("type") != "null"]
    rest = {name: value for name, value in schema.items() if name != "oneOf"}
    plain = {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, **({"oneOf": kinds} if kinds else {})}
    if said:
        plain = {**{name: plain[name] for name in ("description", "examples") if name in plain}, **said}
    if not may_be_null or isinstance(plain.get("type"), list) or "oneOf" not in schema:
        return plain
    described = {name: plain.pop(name) for name in ("description", "examples") if name in plain}
    return {**described, "oneOf": [*plain.pop("oneOf", ()), *([plain] if plain else []), {"type": "null"}]}
