"""Every error that a route promises and that is not every route's: by whom and how it is brought about."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from tests.contract.routes import JUDGEMENT, V1


class Fault(Struct, frozen=True):
    """What differs from the request that succeeds. ``state`` is the kind of story, or of what else the path names."""

    code: str
    status: int
    who: str = ""
    state: str = ""
    body: Any = None


STORY = f"POST {V1}/stories/{{story_id}}/"
NO_AGENT = Fault("agent_identity_required", 422, "loose_agent")
NO_ORCHESTRATOR = Fault("orchestrator_agent_required", 400, "loose_orchestrator")
OTHERS = Fault("not_assigned_agent", 403, "other")
TOKEN = Fault("cap_rejected", 403, body={"cap_id": "lc_cap"})
LATE = Fault("lease_lost", 409, body={"fencing_token": 1})
SELF = Fault("self_verify_blocked", 409, "own_orchestrator")


def _wrong(state: str) -> Fault:
    return Fault("invalid_transition", 409, state=state)


START = (
    OTHERS, TOKEN, LATE, NO_AGENT, _wrong("implementing"), Fault("must_contract_first", 409, state="story"),
    Fault("must_claim_first", 409, state="contracted"),
)  # fmt: skip
REPORT = (TOKEN, NO_AGENT, _wrong("contracted"), Fault("self_report_blocked", 409, "implementer"))


def _edges(kind: str) -> tuple[Fault, ...]:
    def body(dependent: str, prerequisite: str) -> dict[str, str]:
        return {f"{kind}_id": dependent, f"depends_on_{kind}_id": prerequisite}

    several = {"story": ("$story_pair", "$deadlocked_stories"), "epic": ("$epic_pair", "$deadlocked_epics")}
    pair, deadlock = several[kind]
    here = "$new_epic" if kind == "epic" else "$story"
    return (
        Fault("dependency_exists", 409, body=body(f"{pair}.1", f"{pair}.2")),
        Fault("cycle_detected", 422, body=body(f"{pair}.2", f"{pair}.1")),
        Fault("self_dependency", 422, body=body(f"{pair}.1", f"{pair}.1")),
        Fault("cross_level_deadlock", 422, body=body(f"{deadlock}.1", f"{deadlock}.2")),
        Fault("cross_project_dependency", 422, body=body(here, f"$elsewhere_{kind}")),
    )


def _import(*stories: str, **more: Any) -> dict[str, Any]:
    """Stories in the epics that their numbers begin with."""
    return {
        "epics": [
            {
                "number": int(epic),
                "title": "E",
                "stories": [{"number": number, "title": "S"} for number in stories if number.startswith(epic)],
            }
            for epic in sorted({number.partition(".")[0] for number in stories})
        ],
        **more,
    }


def _waits(*pairs: str) -> list[dict[str, str]]:
    return [dict(zip(("story", "depends_on"), pair.split("<"), strict=True)) for pair in pairs]


DONE_BEFORE = {
    "epics": [
        {
            "number": 1,
            "title": "E",
            "stories": [
                {
                    "number": "1.1",
                    "title": "S",
                    "initial_agent_status": "reported_done",
                    "initial_verified_status": "pass",
                }
            ],
        }
    ]
}
IMPORT = (
    Fault("orchestrator_agent_required", 400, "loose_orchestrator", body=DONE_BEFORE),
    Fault("import_conflict", 409, state="full_project", body=_import("1.1")),
    Fault("import_invalid", 422, body=_import("1.1", "1.1")),
    Fault("cycle_detected", 422, body=_import("1.1", "1.2", story_dependencies=_waits("1.1<1.2", "1.2<1.1"))),
    Fault(
        "cross_level_deadlock", 422,
        body=_import(
            "1.1", "2.1", story_dependencies=_waits("1.1<2.1"), epic_dependencies=[{"epic": 2, "depends_on": 1}]
        ),
    ),
)  # fmt: skip

FAULTS: Mapping[str, tuple[Fault, ...]] = {
    f"PATCH {V1}/admin/tenants/{{tenant_id}}": (
        Fault("forbidden", 403, body={"settings": {"lineage_policy": "agent"}}),
    ),
    f"POST {V1}/admin/tenants/{{tenant_id}}/activate": (Fault("rejected", 422, state="new_tenant"),),
    f"POST {V1}/admin/tenants/{{tenant_id}}/suspend": (Fault("rejected", 422, state="suspended_tenant"),),
    f"POST {V1}/agents/register": (Fault("conflict", 409, "implementer"),),
    f"POST {V1}/api_keys": (
        Fault("forbidden", 403, body={"name": "k", "role": "superadmin"}),
        Fault("limit_reached", 422, "limited", body={"name": "k", "role": "agent"}),
    ),
    f"POST {V1}/api_keys/{{key_id}}/rotate": (
        Fault("rejected", 422, state="revoked_key"),
        Fault("limit_reached", 422, "limited", "limited_key"),
    ),
    f"POST {V1}/epic_dependencies": _edges("epic"),
    f"POST {V1}/story_dependencies": _edges("story"),
    f"POST {V1}/epics/{{epic_id}}/verify-all": (NO_ORCHESTRATOR, Fault("review_required", 422, body={})),
    f"POST {V1}/projects": (Fault("limit_reached", 422, "limited"),),
    f"POST {V1}/projects/{{project}}/import": IMPORT,
    f"POST {V1}/stories/bulk/mark-complete": (NO_ORCHESTRATOR,),
    f"POST {V1}/stories/bulk/reject": (NO_ORCHESTRATOR,),
    f"POST {V1}/stories/bulk/verify": (NO_ORCHESTRATOR,),
    f"POST {V1}/stories/next/claim": (
        NO_AGENT,
        Fault("nothing_ready", 409, body={"project_id": "$new_project"}),
    ),
    f"PATCH {V1}/stories/{{story_id}}/acceptance_criteria/{{ac_id}}": (
        Fault("self_verify_blocked", 409, "own_orchestrator", "implementing", {"status": "verified"}),
    ),
    f"PUT {V1}/orchestrator/state/{{project}}": (
        Fault("version_conflict", 409, state="saved_project", body={"state_data": {}, "version": 7}),
    ),
    STORY + "backfill": (
        Fault("already_verified", 422, state="verified"),
        Fault("already_rejected", 422, state="rejected"),
        Fault("not_pre_existing", 422, state="claimed"),
    ),
    STORY + "contract": (
        NO_AGENT,
        _wrong("claimed"),
        Fault("title_mismatch", 422, body={"story_title": "Another", "ac_count": 1}),
        Fault("contract_mismatch", 422, body={"story_title": "A story", "ac_count": 2}),
    ),
    STORY + "claim": (
        NO_AGENT,
        _wrong("claimed"),
        Fault("must_contract_first", 409, state="story"),
        Fault("dependencies_not_met", 409, state="waiting"),
    ),
    STORY + "start": START,
    STORY + "start-work": START,
    STORY + "heartbeat": (OTHERS, TOKEN, LATE, NO_AGENT, _wrong("story")),
    STORY + "request-review": (OTHERS, TOKEN, LATE, NO_AGENT, _wrong("claimed")),
    STORY + "report": REPORT,
    STORY + "report-done": REPORT,
    STORY + "review-complete": (
        Fault("cap_rejected", 403, body={"review_type": "team", "cap_id": "lc_cap"}),
        NO_AGENT,
        Fault("self_review_blocked", 409, "implementer"),
        Fault("story_not_reported_done", 422, state="implementing"),
    ),
    STORY + "verify": (
        NO_ORCHESTRATOR,
        Fault("cap_rejected", 403, body={**JUDGEMENT, "cap_id": "lc_cap"}),
        SELF,
        _wrong("story"),
        Fault("distinct_verifier_required", 409, state="self_reviewed"),
        Fault("review_required", 422, body={}),
        Fault("review_not_conducted", 422, state="reported"),
        Fault("criteria_changed", 409, state="changed"),
    ),
    STORY + "reject": (
        NO_ORCHESTRATOR,
        Fault("cap_rejected", 403, body={"reason": "no", "cap_id": "lc_cap"}),
        SELF,
        _wrong("story"),
        Fault("reason_required", 422, body={}),
    ),
    STORY + "unclaim": (OTHERS, LATE, NO_AGENT, _wrong("story")),
    STORY + "force-unclaim": (NO_ORCHESTRATOR, _wrong("verified")),
}
