"""Which budgets a report counts towards, what it makes of them, and whether one of them blocks it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from domain.errors import Rejected
from domain.event import Event, Stream
from domain.usage.budget import Budget, BudgetExceeded, BudgetScope, BudgetWarned
from domain.usage.figures import NOTHING, Figures, Scope, agent_in

NEVER = -1
"""Percent of a budget that was not there, or was another one, before."""


class Place(Struct, frozen=True):
    """Where work is, and whose it is."""

    project_id: UUID
    epic_id: UUID | None
    story_id: UUID
    agent_id: UUID | None

    @property
    def budget_scopes(self) -> Sequence[Scope]:
        """What budgets can be set for, that this counts towards."""
        scopes: list[Scope] = [("story", self.story_id), ("project", self.project_id)]
        scopes += [("epic", self.epic_id)] if self.epic_id else []
        return [*scopes, ("agent", self.agent_id)] if self.agent_id else scopes


class Watched(Struct, frozen=True):
    """A budget with one thing that it limits: ``spent`` is where the sum of that is kept."""

    budget: Budget
    scope_type: BudgetScope
    scope_id: UUID
    spent: Scope


def watched(place: Place, budgets: Mapping[Scope, Sequence[Budget]]) -> Sequence[Watched]:
    """What is set for an item itself wins over what its project says for each."""
    found: list[Watched] = []
    own: set[str] = set()
    for kind, id_ in place.budget_scopes:
        for budget in budgets.get((kind, id_), ()):
            if budget.per is None:
                found.append(Watched(budget, budget.scope_type, id_, (kind, id_)))
                own.add(kind)
    items: dict[str, tuple[UUID | None, Scope]] = {
        "story": (place.story_id, ("story", place.story_id)),
        "epic": (place.epic_id, ("epic", place.epic_id or place.story_id)),
        "agent": (
            place.agent_id, ("project_agent", agent_in(place.project_id, place.agent_id or place.story_id)),
        ),
    }  # fmt: skip
    for budget in budgets.get(("project", place.project_id), ()):
        if budget.per is not None and budget.per not in own:
            item, spent = items[budget.per]
            if item is not None:
                found.append(Watched(budget, budget.per, item, spent))
    return found


def crossed(
    watching: Sequence[Watched], spent: Callable[[Scope], Figures], added: Figures, report_id: UUID
) -> Sequence[tuple[Stream, Event]]:
    """What is to be told of the budgets that this report takes over their threshold or their limit."""
    told: list[tuple[Stream, Event]] = []
    for each in watching:
        before = spent(each.spent)
        told += crossing(each, each.budget.utilization(before), before.plus(added), report_id)
    return told


def crossing(each: Watched, before: int, after: Figures, report_id: UUID | None) -> Sequence[tuple[Stream, Event]]:
    """``before`` is the percentage until now. The warning and the end may come with one report."""
    budget = each.budget
    now, stream = budget.utilization(after), Stream("token_budget", budget.budget_id)
    said: dict[str, Any] = {
        "project_id": budget.project_id, "scope_type": each.scope_type, "scope_id": each.scope_id,
        "utilization_pct": now, "alert_threshold_pct": budget.alert_threshold_pct, "enforcement": budget.enforcement,
        "budget_millicents": budget.budget_millicents, "budget_tokens": budget.budget_tokens,
        "current_spend_millicents": after.cost_millicents, "current_spend_tokens": after.total_tokens,
        "triggering_report_id": report_id,
    }  # fmt: skip
    told: list[tuple[Stream, Event]] = []
    if before < budget.alert_threshold_pct <= now:
        told.append((stream, BudgetWarned(**said)))
    if before < 100 <= now:
        told.append((stream, BudgetExceeded(**said, **overage(budget, after))))
    return told


def overage(budget: Budget, used: Figures) -> dict[str, Any]:
    return {
        "overage_millicents": _over(budget.budget_millicents, used.cost_millicents),
        "overage_tokens": _over(budget.budget_tokens, used.total_tokens),
    }


def blocked(
    watching: Sequence[Watched], spent: Callable[[Scope], Figures], added: Figures = NOTHING
) -> Rejected | None:
    """The refusal, when one of them blocks and more than its limit is used, this report included."""
    over = [
        (each, used)
        for each in watching
        if each.budget.enforcement == "block" and each.budget.is_over(used := spent(each.spent).plus(added))
    ]
    if not over:
        return None
    first, used = over[0]
    limits = " and ".join(f"{amount} of {limit}" for limit, amount in first.budget.limits(used) if amount > limit)
    return Rejected(
        f"A budget of this {first.scope_type} is used up ({limits}), and it blocks: the usage is recorded, the story "
        f"is not reported. A user key can raise it: PATCH /api/v1/token-budgets/{first.budget.budget_id}.",
        code="token_budget_exceeded",
        context={"budgets": [_shown(each, used) for each, used in over]},
    )


def _shown(each: Watched, used: Figures) -> dict[str, Any]:
    budget = each.budget
    return {
        "budget_id": budget.budget_id,
        "scope_type": each.scope_type,
        "scope_id": each.scope_id,
        "limit_millicents": budget.budget_millicents,
        "spend_millicents": used.cost_millicents,
        "limit_tokens": budget.budget_tokens,
        "spend_tokens": used.total_tokens,
        "limit_input_tokens": budget.budget_input_tokens,
        "spend_input_tokens": used.tokens_in,
        "limit_output_tokens": budget.budget_output_tokens,
        "spend_output_tokens": used.output_tokens,
        "enforcement": budget.enforcement,
        **overage(budget, used),
    }


def _over(limit: int | None, used: int) -> int:
    return 0 if limit is None else max(used - limit, 0)
