"""What reports come to: sums that an event adds to or takes from, and of what they are the sums."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from msgspec import Struct

from domain.usage.events import TokenUsageCorrected, TokenUsageDeleted, TokenUsageEvent, TokenUsageReported

ScopeType = Literal["story", "epic", "project", "agent", "project_agent"]
Scope = tuple[str, UUID]
"""A ScopeType and an id; of an agent within a project `agent_in`."""

MISMATCH_PCT = 20
"""A claimed cost is marked when it is further than this from the price."""


class Figures(Struct, frozen=True):
    """Corrections are reports too."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    cost_millicents: int = 0
    report_count: int = 0
    unpriced_count: int = 0
    mismatch_count: int = 0

    def plus(self, other: "Figures", sign: int = 1) -> "Figures":
        return Figures(
            self.input_tokens + sign * other.input_tokens,
            self.cache_read_tokens + sign * other.cache_read_tokens,
            self.cache_write_tokens + sign * other.cache_write_tokens,
            self.output_tokens + sign * other.output_tokens,
            self.cost_millicents + sign * other.cost_millicents,
            self.report_count + sign * other.report_count,
            self.unpriced_count + sign * other.unpriced_count,
            self.mismatch_count + sign * other.mismatch_count,
        )

    @property
    def tokens_in(self) -> int:
        """All that went into the model, from a cache or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def total_tokens(self) -> int:
        return self.tokens_in + self.output_tokens


NOTHING = Figures()


def figures_of(event: TokenUsageEvent) -> Figures:
    """What the event adds to each sum that it counts in; of a deletion what it takes away, as negative numbers."""
    one = Figures(
        event.input_tokens, event.cache_read_tokens, event.cache_write_tokens, event.output_tokens,
        event.cost_millicents, 1, int(event.cost_source == "unpriced"),
        int(mismatch_pct(event.cost_source, event.cost_millicents, event.expected_millicents) is not None),
    )  # fmt: skip
    return NOTHING.plus(one, -1) if isinstance(event, TokenUsageDeleted) else one


def mismatch_pct(source: str, cost: int, expected: int | None) -> int | None:
    """By how many percent a claimed cost differs from the price, when that is much."""
    if source != "reported" or expected is None or abs(cost - expected) * 100 <= MISMATCH_PCT * expected:
        return None
    return round((cost - expected) * 100 / expected) if expected else 100


def agent_in(project_id: UUID, agent_id: UUID) -> UUID:
    """Stands for an agent within one project."""
    return UUID(int=project_id.int ^ agent_id.int)


def scopes_of(project_id: UUID, epic_id: UUID | None, story_id: UUID, agent_id: UUID | None) -> Sequence[Scope]:
    """Every sum that work at this place by this agent counts in."""
    scopes: list[Scope] = [("story", story_id), ("project", project_id)]
    if epic_id is not None:
        scopes.append(("epic", epic_id))
    if agent_id is not None:
        scopes += [("agent", agent_id), ("project_agent", agent_in(project_id, agent_id))]
    return scopes


def attempt_scope(event: TokenUsageReported | TokenUsageCorrected | TokenUsageDeleted) -> Scope:
    """Kept for nothing but rework: what an attempt has cost that was rejected afterwards."""
    return f"attempt_{event.attempt}", event.story_id


def scopes_of_event(event: TokenUsageReported | TokenUsageCorrected | TokenUsageDeleted) -> Sequence[Scope]:
    return scopes_of(event.project_id, event.epic_id, event.story_id, event.agent_id)
