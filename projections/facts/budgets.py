"""Budgets by what they are set for, for the decisions about reports."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import UNSET

from domain.event import JsonText, Recorded
from domain.usage.budget import TERMS, TokenBudgetCreated, TokenBudgetDeleted, TokenBudgetUpdated, evolve_budget
from domain.usage.budget import Budget as BudgetState
from domain.usage.figures import Scope
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.token_budgets import BUDGETS

Held = Sequence[BudgetState]
CHANGES = (TokenBudgetCreated, TokenBudgetUpdated, TokenBudgetDeleted)
TENANT = UUID(int=0)
"""The one key of what is asked of a tenant as a whole."""

OF_SCOPES = """
    SELECT b.*
      FROM unnest($2::text[], $3::uuid[]) AS asked (scope_type, scope_id)
      JOIN app.token_budget AS b
        ON b.tenant_id = $1 AND b.scope_type = asked.scope_type AND b.scope_id = asked.scope_id
     ORDER BY b.budget_id
"""

BLOCKING = "SELECT * FROM app.token_budget WHERE tenant_id = $1 AND enforcement = 'block' ORDER BY budget_id"


class BudgetsOfScope(Model[Scope, Held]):
    """By scope: at most one for it as a whole, and one for each kind of its items."""

    name = "budgets_of_scope"
    events = CHANGES

    async def load(self, tx: TenantTx, keys: Sequence[Scope]) -> Mapping[Scope, Held]:
        found: dict[Scope, Held] = {}
        for row in await tx.fetch(OF_SCOPES, tx.tenant_id, [kind for kind, _ in keys], [id_ for _, id_ in keys]):
            budget = BUDGETS.from_row(row)
            found[budget.scope_type, budget.scope_id] = (
                *found.get((budget.scope_type, budget.scope_id), ()), budget,
            )  # fmt: skip
        return found

    def initial(self, _: Scope) -> Held:
        return ()

    def touched(self, recorded: Recorded) -> Sequence[Scope]:
        event: Any = recorded.event
        return [(event.scope_type, event.scope_id)]

    def evolve(self, state: Held, recorded: Recorded) -> Held:
        return _with(state, recorded)


class BlockingBudgets(Model[UUID, Held]):
    """All that block, of the whole tenant."""

    name = "blocking_budgets"
    events = CHANGES

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, Held]:
        held = tuple(BUDGETS.from_row(row) for row in await tx.fetch(BLOCKING, tx.tenant_id))
        return dict.fromkeys(keys, held)

    def initial(self, _: UUID) -> Held:
        return ()

    def touched(self, _: Recorded) -> Sequence[UUID]:
        return (TENANT,)

    def evolve(self, state: Held, recorded: Recorded) -> Held:
        event = recorded.event
        if isinstance(event, TokenBudgetUpdated) and event.enforcement_was != "block":
            return (*state, _from(event, recorded)) if event.enforcement == "block" else state
        return tuple(each for each in _with(state, recorded) if each.enforcement == "block")


def _from(event: TokenBudgetUpdated, recorded: Recorded) -> BudgetState:
    """One that has not blocked until now, which an event of its change says as a whole but for its metadata."""
    terms = {name: was if (now := getattr(event, name)) is UNSET else now for name, was in _was(event).items()}
    return BudgetState(
        budget_id=recorded.stream.id, scope_type=event.scope_type, scope_id=event.scope_id, per=event.per,
        project_id=event.project_id, metadata=JsonText("{}"), created_at=recorded.at, updated_at=recorded.at,
        position=recorded.position, **terms,
    )  # fmt: skip


def _was(event: TokenBudgetUpdated) -> dict[str, Any]:
    return {name: getattr(event, f"{name}_was") for name in TERMS}


def _with(held: Held, recorded: Recorded) -> Held:
    others = tuple(each for each in held if each.budget_id != recorded.stream.id)
    mine = next((each for each in held if each.budget_id == recorded.stream.id), None)
    now = evolve_budget(mine, recorded)
    return tuple(sorted((*others, *((now,) if now else ())), key=lambda each: each.budget_id))


BUDGETS_OF_SCOPE, BLOCKING_BUDGETS = BudgetsOfScope(), BlockingBudgets()
