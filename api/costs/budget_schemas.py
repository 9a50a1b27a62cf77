"""Budgets on the wire (spec 02, sections 4 and 17.1)."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from api.costs.schemas import Object, Text, dollars, json_text, metered_tokens
from api.pages import PageQuery
from api.times import wire_time
from domain.errors import Invalid
from domain.fields import BLANK, must_be, must_be_one_of
from domain.usage.budget import DEFAULT_THRESHOLD, LIMITS, PERS, Budget, BudgetFields
from domain.usage.figures import Figures
from domain.usage.metered import Measured

PER_PROJECT = ("per_project", *(f"per_{each}" for each in PERS))


class BudgetBody(Struct, frozen=True, kw_only=True):
    budget_millicents: int | UnsetType | None = UNSET
    budget_tokens: Annotated[int, Meta(description="All four counts of tokens.")] | UnsetType | None = UNSET
    budget_input_tokens: Annotated[int, Meta(description="What goes in, caches included.")] | UnsetType | None = UNSET
    budget_output_tokens: int | UnsetType | None = UNSET
    alert_threshold_pct: int | UnsetType | None = UNSET
    enforcement: Annotated[str, Meta(max_length=64, description="warn, or block.")] | UnsetType | None = UNSET
    metadata: Object | UnsetType | None = UNSET

    def fields(self, **more: Any) -> BudgetFields:
        said = {name: getattr(self, name) for name in BudgetBody.__struct_fields__ if name != "metadata"}
        metadata = UNSET if self.metadata is UNSET else json_text(self.metadata)
        return BudgetFields(**said, **more, metadata=metadata)


class CreateBudgetBody(BudgetBody, frozen=True, kw_only=True):
    scope_type: Text | None = None
    scope_id: UUID | None = None
    per: Annotated[str, Meta(max_length=64, description="A project's limit for each story, epic or agent.")] | None = (
        None
    )

    def command(self) -> BudgetFields:
        return self.fields(scope_type=self.scope_type, scope_id=self.scope_id, per=self.per)


class ProjectBudgetBody(Struct, frozen=True, kw_only=True):
    scope_type: Text | None = None
    token_limit: int | None = None
    warning_threshold: Annotated[float, Meta(description="From 0.01 to 1.")] | None = None
    enforcement: Text | None = None

    def command(self, project_id: UUID) -> BudgetFields:
        """Raises Invalid, with this body's names of fields."""
        if self.scope_type not in PER_PROJECT:
            raise Invalid(scope_type=must_be_one_of(PER_PROJECT) if self.scope_type else BLANK)
        if self.token_limit is None or self.token_limit <= 0:
            raise Invalid(token_limit=BLANK if self.token_limit is None else "must be greater than 0")
        share = DEFAULT_THRESHOLD / 100 if self.warning_threshold is None else self.warning_threshold
        if not 0.01 <= share <= 1:
            raise Invalid(warning_threshold=must_be("a number from 0.01 to 1"))
        per = None if self.scope_type == PER_PROJECT[0] else self.scope_type.removeprefix("per_")
        return BudgetFields(
            scope_type="project", scope_id=project_id, per=per, budget_tokens=self.token_limit,
            alert_threshold_pct=round(share * 100),
            enforcement=UNSET if self.enforcement is None else self.enforcement,
        )  # fmt: skip


class BudgetsQuery(PageQuery, frozen=True, kw_only=True):
    scope_type: Annotated[Text, Meta(description="Only these; of an unknown one there are none.")] | UnsetType = UNSET
    scope_id: Annotated[UUID, Meta(description="Only these.")] | UnsetType = UNSET


class EffectiveQuery(Struct, frozen=True, kw_only=True):
    scope_type: Annotated[Literal["project", "epic", "story"], Meta(description="Of what.")]
    scope_id: Annotated[UUID, Meta(description="Which.")]


def measured_body(tenant_id: UUID, budget: Budget, used: Figures, measured: Measured) -> dict[str, Any]:
    """The same with what was measured, which no budget counts."""
    return {**budget_body(tenant_id, budget, used), "metered_tokens": metered_tokens(measured)}


def budget_body(tenant_id: UUID, budget: Budget, used: Figures) -> dict[str, Any]:
    """What was used of a limit for each item is said of the items, not here."""
    whole = budget.per is None
    limit, spent = budget.budget_millicents, used.cost_millicents
    left = None if limit is None or not whole else max(limit - spent, 0)
    return {
        "id": budget.budget_id,
        "tenant_id": tenant_id,
        "scope_type": budget.scope_type,
        "scope_id": budget.scope_id,
        "project_id": budget.project_id,
        "per": budget.per,
        **{name: getattr(budget, name) for name in LIMITS},
        "limit_tokens": budget.budget_tokens,
        "budget_dollars": None if limit is None else dollars(limit),
        "enforcement": budget.enforcement,
        "alert_threshold_pct": budget.alert_threshold_pct,
        "counts": "self_reported",
        "current_spend_millicents": spent if whole else None,
        "current_spend_dollars": dollars(spent) if whole else None,
        "current_spend_tokens": used.total_tokens if whole else None,
        "current_spend_input_tokens": used.tokens_in if whole else None,
        "current_spend_output_tokens": used.output_tokens if whole else None,
        "remaining_millicents": left,
        "remaining_dollars": None if left is None else dollars(left),
        "utilization_pct": budget.utilization(used) if whole else None,
        "warning_fired": budget.warning_fired(used) if whole else None,
        "exceeded_fired": budget.exceeded_fired(used) if whole else None,
        "metadata": msgspec.Raw(budget.metadata.encode()),
        "inserted_at": wire_time(budget.created_at),
        "updated_at": wire_time(budget.updated_at),
    }
