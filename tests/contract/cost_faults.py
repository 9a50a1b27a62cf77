"""How the errors of costs are brought about, for the table of all (faults.py)."""

from collections.abc import Mapping

from tests.contract.fault import Fault
from tests.contract.route import V1

USAGE = f"{V1}/token-usage"
TAKEN = {"input_tokens": -11, "output_tokens": 0, "cost_millicents": 0}

COST_FAULTS: Mapping[str, tuple[Fault, ...]] = {
    f"POST {USAGE}": (Fault("agent_identity_required", 422, "loose_agent"),),
    f"POST {USAGE}/{{usage_id}}/correction": (Fault("negative_total", 422, body=TAKEN),),
    f"DELETE {USAGE}/{{usage_id}}": (Fault("negative_total", 422, state="corrected_usage"),),
}
