"""How the errors of costs are brought about, for the table of all (faults.py)."""

from collections.abc import Mapping
from typing import Any

from tests.contract.fault import Fault
from tests.contract.route import V1

USAGE = f"{V1}/token-usage"
BUDGETS = f"{V1}/token-budgets"
TAKEN = {"input_tokens": -10_001, "output_tokens": 0, "cost_millicents": 0}


def _budget(story: str, **more: int) -> dict[str, Any]:
    return {"scope_type": "story", "scope_id": story, "budget_tokens": 1, **more}


COST_FAULTS: Mapping[str, tuple[Fault, ...]] = {
    f"POST {USAGE}": (Fault("agent_identity_required", 422, "loose_agent"),),
    f"POST {USAGE}/{{usage_id}}/correction": (Fault("negative_total", 422, body=TAKEN),),
    f"DELETE {USAGE}/{{usage_id}}": (Fault("negative_total", 422, state="corrected_usage"),),
    f"POST {BUDGETS}": (
        Fault("conflict", 409, body=_budget("$budgeted")),
        Fault("budget_relax_forbidden", 403, "orchestrator", body=_budget("$walled", budget_tokens=10**9)),
    ),
    f"POST {V1}/projects/{{project}}/token-budgets": (
        Fault("conflict", 409, state="budgeted_project", body={"scope_type": "per_project", "token_limit": 1}),
    ),
    f"PATCH {V1}/cost-anomalies/{{anomaly_id}}": (
        Fault("conflict", 409, state="anomaly_again", body={"resolved": False}),
    ),
    **dict.fromkeys(
        (f"PATCH {BUDGETS}/{{budget_id}}", f"PUT {BUDGETS}/{{budget_id}}"),
        (Fault("budget_relax_forbidden", 403, "orchestrator", "blocking_budget", {"enforcement": "warn"}),),
    ),
}
