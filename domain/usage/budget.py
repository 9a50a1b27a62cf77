"""Budgets: how many tokens or how much money a story, an epic, a project or an agent may take (spec 02, section 4).

A budget holds no sum and no flag: what was used is compared with it whenever a report comes, and whether it was just
crossed shows in the figures before and after.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, assert_never
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType, structs

from domain.errors import Conflict, Forbidden, NotFound
from domain.event import Event, Events, JsonText, Recorded
from domain.fields import BLANK, LONGEST_JSON, Problems, must_be, must_be_one_of
from domain.usage.figures import Figures

BudgetScope = Literal["project", "epic", "story", "agent"]
BUDGET_SCOPES: tuple[BudgetScope, ...] = ("project", "epic", "story", "agent")
Per = Literal["story", "epic", "agent"]
PERS: tuple[Per, ...] = ("story", "epic", "agent")
Enforcement = Literal["warn", "block"]
ENFORCEMENTS: tuple[Enforcement, ...] = ("warn", "block")
Threshold = Literal["warning", "exceeded"]

LIMITS = ("budget_millicents", "budget_tokens", "budget_input_tokens", "budget_output_tokens")
TERMS = (*LIMITS, "alert_threshold_pct", "enforcement")
LARGEST_LIMIT = 10**15
DEFAULT_THRESHOLD = 80


class TokenBudgetCreated(Event, frozen=True, kw_only=True):
    """``per``: a project's limit holds for each of its stories, epics or agents. None: there is no such limit."""

    TAG: ClassVar[str] = "token_budget.created"
    scope_type: BudgetScope
    scope_id: UUID
    per: Per | None
    project_id: UUID | None
    budget_millicents: int | None
    budget_tokens: int | None
    budget_input_tokens: int | None
    budget_output_tokens: int | None
    alert_threshold_pct: int
    enforcement: Enforcement
    metadata: JsonText


class TokenBudgetUpdated(Event, frozen=True, kw_only=True):
    """Members that are left out did not change; those that end in ``_was`` are from before."""

    TAG: ClassVar[str] = "token_budget.updated"
    scope_type: BudgetScope
    scope_id: UUID
    per: Per | None
    project_id: UUID | None
    budget_millicents_was: int | None
    budget_tokens_was: int | None
    budget_input_tokens_was: int | None
    budget_output_tokens_was: int | None
    alert_threshold_pct_was: int
    enforcement_was: Enforcement
    budget_millicents: int | UnsetType | None = UNSET
    budget_tokens: int | UnsetType | None = UNSET
    budget_input_tokens: int | UnsetType | None = UNSET
    budget_output_tokens: int | UnsetType | None = UNSET
    alert_threshold_pct: int | UnsetType = UNSET
    enforcement: Enforcement | UnsetType = UNSET
    metadata: JsonText | UnsetType = UNSET

    @property
    def is_of_limits(self) -> bool:
        """Whether what was reached before says nothing any more."""
        return any(getattr(self, name) is not UNSET for name in (*LIMITS, "alert_threshold_pct"))

    def applied(self, budget: "Budget") -> "Budget":
        names = (*TERMS, "metadata")
        return structs.replace(budget, **{name: value for name in names if (value := getattr(self, name)) is not UNSET})


class TokenBudgetDeleted(Event, frozen=True, kw_only=True):
    TAG: ClassVar[str] = "token_budget.deleted"
    scope_type: BudgetScope
    scope_id: UUID
    per: Per | None
    project_id: UUID | None
    budget_millicents: int | None
    budget_tokens: int | None
    enforcement: Enforcement


class BudgetWarned(Event, frozen=True, kw_only=True):
    """The threshold was reached. ``scope_type`` and ``scope_id`` are what was spent on, which of a limit of a project
    for each of its stories is the story."""

    TAG: ClassVar[str] = "token_budget.warned"
    project_id: UUID | None
    scope_type: BudgetScope
    scope_id: UUID
    utilization_pct: int
    alert_threshold_pct: int
    enforcement: Enforcement
    budget_millicents: int | None
    budget_tokens: int | None
    current_spend_millicents: int
    current_spend_tokens: int
    triggering_report_id: UUID | None


class BudgetExceeded(BudgetWarned, frozen=True, kw_only=True):
    """All of it was used. The overage is zero when nothing more than that was."""

    TAG: ClassVar[str] = "token_budget.exceeded"
    overage_millicents: int
    overage_tokens: int


TokenBudgetEvent = TokenBudgetCreated | TokenBudgetUpdated | TokenBudgetDeleted | BudgetWarned | BudgetExceeded
TOKEN_BUDGET_EVENTS = Events[TokenBudgetEvent](TokenBudgetEvent)


class Budget(Struct, frozen=True, kw_only=True):
    """A row of app.token_budget."""

    budget_id: UUID
    scope_type: BudgetScope
    scope_id: UUID
    per: Per | None
    project_id: UUID | None
    budget_millicents: int | None
    budget_tokens: int | None
    budget_input_tokens: int | None
    budget_output_tokens: int | None
    alert_threshold_pct: int
    enforcement: Enforcement
    metadata: JsonText
    created_at: datetime
    updated_at: datetime
    position: int
    """Of the newest event that changed it."""

    @classmethod
    def of(cls, event: TokenBudgetCreated, budget_id: UUID, at: datetime, position: int = 0) -> "Budget":
        said = {name: getattr(event, name) for name in TokenBudgetCreated.__struct_fields__}
        return cls(budget_id=budget_id, created_at=at, updated_at=at, position=position, **said)

    def limits(self, used: Figures) -> Sequence[tuple[int, int]]:
        """Each limit that is set, and what was used of it. What was read from a cache went in too."""
        both = (
            (self.budget_millicents, used.cost_millicents),
            (self.budget_tokens, used.total_tokens),
            (self.budget_input_tokens, used.tokens_in),
            (self.budget_output_tokens, used.output_tokens),
        )
        return [(limit, amount) for limit, amount in both if limit is not None]

    def utilization(self, used: Figures) -> int:
        """Percent of the limit that most was used of, cut."""
        return max((amount * 100 // limit for limit, amount in self.limits(used)), default=0)

    def is_over(self, used: Figures) -> bool:
        return any(amount > limit for limit, amount in self.limits(used))

    def warning_fired(self, used: Figures) -> bool:
        return self.utilization(used) >= self.alert_threshold_pct

    def exceeded_fired(self, used: Figures) -> bool:
        return self.utilization(used) >= 100


class BudgetFields(Struct, frozen=True, kw_only=True):
    """As the client said them; UNSET is not said."""

    scope_type: str | None = None
    scope_id: UUID | None = None
    per: str | None = None
    budget_millicents: int | UnsetType | None = UNSET
    budget_tokens: int | UnsetType | None = UNSET
    budget_input_tokens: int | UnsetType | None = UNSET
    budget_output_tokens: int | UnsetType | None = UNSET
    alert_threshold_pct: int | UnsetType | None = UNSET
    enforcement: str | UnsetType | None = UNSET
    metadata: JsonText | UnsetType = UNSET


def check_scope(fields: BudgetFields) -> tuple[BudgetScope, UUID]:
    """Raises Invalid."""
    problems = Problems()
    found = next((each for each in BUDGET_SCOPES if each == fields.scope_type), None)
    if found is None:
        problems.add("scope_type", must_be_one_of(BUDGET_SCOPES) if fields.scope_type else BLANK)
    if fields.scope_id is None:
        problems.add("scope_id", BLANK)
    problems.raise_any()
    return found or "project", fields.scope_id or UUID(int=0)


def create_budget(fields: BudgetFields, project_id: UUID | None, there: Sequence[Budget]) -> TokenBudgetCreated:
    """``there`` are the budgets of the same scope. Raises Invalid and Conflict."""
    scope_type, scope_id = check_scope(fields)
    problems = Problems()
    per = next((each for each in PERS if each == fields.per), None)
    if fields.per and per is None:
        problems.add("per", must_be_one_of(PERS))
    if per and scope_type != "project":
        problems.add("per", must_be("left out: only a project's limit can hold for each of its items"))
    said = _checked(problems, fields)
    if all(said.get(name) is None for name in LIMITS):
        problems.add("budget_millicents", f"{BLANK}: set {', '.join(LIMITS[:-1])} or {LIMITS[-1]}")
    problems.raise_any()
    if any(each.per == per for each in there):
        raise Conflict(
            "There is a budget of this scope already", current_state="exists", attempted_action="create_budget",
            hints=["Change it: PATCH /api/v1/token-budgets/:id; GET /api/v1/token-budgets?scope_id= finds it."],
        )  # fmt: skip
    defaults = {"alert_threshold_pct": DEFAULT_THRESHOLD, "enforcement": "warn", "metadata": JsonText("{}")}
    whole: dict[str, Any] = {**dict.fromkeys(LIMITS), **defaults, **said}
    return TokenBudgetCreated(scope_type=scope_type, scope_id=scope_id, per=per, project_id=project_id, **whole)


def update_budget(budget: Budget, fields: BudgetFields, *, may_relax: bool) -> tuple[TokenBudgetUpdated, ...]:
    """Nothing when nothing changes. Raises Invalid and Forbidden."""
    problems = Problems()
    said = _checked(problems, fields)
    for name in ("budget_millicents", "alert_threshold_pct", "enforcement"):
        if name in said and said[name] is None:
            problems.add(name, f"{BLANK}: leave it out, or delete the budget")
    then = structs.replace(budget, **said) if not problems.found else budget
    if not problems.found and all(getattr(then, name) is None for name in LIMITS):
        problems.add("budget_tokens", f"{BLANK}: a budget needs a limit; to have none, delete it")
    problems.raise_any()
    if not may_relax and relaxes(budget, then):
        raise budget_relax_forbidden()
    changed = {name: value for name, value in said.items() if value != getattr(budget, name)}
    if not changed:
        return ()
    was: dict[str, Any] = {f"{name}_was": getattr(budget, name) for name in TERMS}
    place: dict[str, Any] = {name: getattr(budget, name) for name in ("scope_type", "scope_id", "per", "project_id")}
    return (TokenBudgetUpdated(**place, **was, **changed),)


def delete_budget(budget: Budget | None) -> TokenBudgetDeleted:
    if budget is None:
        raise NotFound("Not found")
    return TokenBudgetDeleted(**{name: getattr(budget, name) for name in TokenBudgetDeleted.__struct_fields__})


def relaxes(now: Budget, then: Budget) -> bool:
    """Of a budget that blocks, whether less would be blocked."""
    if now.enforcement != "block":
        return False
    pairs = [(getattr(now, name), getattr(then, name)) for name in LIMITS]
    return then.enforcement != "block" or any(a is not None and (b is None or b > a) for a, b in pairs)


def budget_relax_forbidden() -> Forbidden:
    return Forbidden(
        "A budget that blocks is raised, switched to warn or set aside for one item with a user key only",
        code="budget_relax_forbidden",
    )


def evolve_budget(budget: Budget | None, recorded: Recorded) -> Budget | None:
    event = recorded.event
    if not TOKEN_BUDGET_EVENTS.has(event):
        return budget
    match event:
        case TokenBudgetCreated():
            return Budget.of(event, recorded.stream.id, recorded.at, recorded.position)
        case TokenBudgetUpdated():
            if budget is None:
                return None
            return structs.replace(event.applied(budget), updated_at=recorded.at, position=recorded.position)
        case TokenBudgetDeleted():
            return None
        case BudgetWarned() | BudgetExceeded():
            return budget
        case _:
            assert_never(event)


def _checked(problems: Problems, fields: BudgetFields) -> dict[str, Any]:
    """What was said, as an event keeps it."""
    said: dict[str, Any] = {}
    for name in LIMITS:
        value: int | UnsetType | None = getattr(fields, name)
        if value is UNSET:
            continue
        said[name] = value
        if value is not None and value <= 0:
            problems.add(name, "must be greater than 0")
        elif value is not None and value > LARGEST_LIMIT:
            problems.add(name, f"must be less than or equal to {LARGEST_LIMIT}")
    threshold = fields.alert_threshold_pct
    if threshold is not UNSET:
        said["alert_threshold_pct"] = threshold
        if threshold is not None and not 1 <= threshold <= 100:
            problems.add("alert_threshold_pct", must_be("a whole number from 1 to 100"))
    if fields.enforcement is not UNSET:
        said["enforcement"] = fields.enforcement
        if fields.enforcement is not None and fields.enforcement not in ENFORCEMENTS:
            problems.add("enforcement", must_be_one_of(ENFORCEMENTS))
    if fields.metadata is not UNSET:
        problems.optional("metadata", fields.metadata, LONGEST_JSON)
        said["metadata"] = fields.metadata
    return said


Budgets = Mapping[tuple[str, UUID], Sequence[Budget]]
"""By what they are set for."""
