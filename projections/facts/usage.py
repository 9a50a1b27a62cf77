"""What reports of token usage come to, for the decisions that must not let a sum go below zero or over a budget."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.event import Recorded
from domain.usage.events import TOKEN_USAGE_EVENTS, TokenUsageCorrected, TokenUsageDeleted, TokenUsageReported
from domain.usage.figures import NOTHING, Figures, Scope, figures_of, scopes_of_event
from domain.usage.retries import SAID, SaidBefore, said_in
from eventstore.database.transaction import TenantTx
from eventstore.log.command import Model
from projections.rows.token_usage import FIGURES, figures_in, spent


class Spending(Model[Scope, Figures]):
    """By scope."""

    name = "usage_spend"
    events = TOKEN_USAGE_EVENTS.types

    async def load(self, tx: TenantTx, keys: Sequence[Scope]) -> Mapping[Scope, Figures]:
        return await spent(tx, keys)

    def initial(self, _: Scope) -> Figures:
        return NOTHING

    def touched(self, recorded: Recorded) -> Sequence[Scope]:
        event = recorded.event
        return scopes_of_event(event) if TOKEN_USAGE_EVENTS.has(event) else ()

    def evolve(self, state: Figures, recorded: Recorded) -> Figures:
        event = recorded.event
        return state.plus(figures_of(event)) if TOKEN_USAGE_EVENTS.has(event) else state


NET = f"""
    SELECT asked.id, {", ".join(f"sum(r.{name})::bigint AS {name}" for name in FIGURES if not name.endswith("_count"))},
           count(*) AS report_count, 0 AS unpriced_count, 0 AS mismatch_count
      FROM unnest($2::uuid[]) AS asked (id)
      JOIN app.token_usage_report AS r
        ON r.tenant_id = $1 AND r.deleted_at IS NULL AND (r.report_id = asked.id OR r.corrects_report_id = asked.id)
     GROUP BY asked.id
"""  # noqa: S608  # names of our own


class NetUsage(Model[UUID, Figures]):
    """A report with its own corrections, by its id; of the counts at its end only that of the reports is right."""

    name = "usage_net"
    events = TOKEN_USAGE_EVENTS.types

    async def load(self, tx: TenantTx, keys: Sequence[UUID]) -> Mapping[UUID, Figures]:
        return {row["id"]: figures_in(row) for row in await tx.fetch(NET, tx.tenant_id, list(keys))}

    def initial(self, _: UUID) -> Figures:
        return NOTHING

    def touched(self, recorded: Recorded) -> Sequence[UUID]:
        match recorded.event:
            case TokenUsageCorrected() | TokenUsageDeleted():
                corrected = recorded.event.corrects_report_id
                return (recorded.stream.id, *((corrected,) if corrected else ()))
            case TokenUsageReported():
                return (recorded.stream.id,)
            case _:
                return ()

    def evolve(self, state: Figures, recorded: Recorded) -> Figures:
        event = recorded.event
        return state.plus(figures_of(event)) if TOKEN_USAGE_EVENTS.has(event) else state


LAST_OF_SESSION = """
    SELECT asked.story_id, asked.session_id, last.*
      FROM unnest($2::uuid[], $3::text[]) AS asked (story_id, session_id)
     CROSS JOIN LATERAL (
           SELECT r.input_tokens, r.cache_read_tokens, r.cache_write_tokens, r.output_tokens, r.cost_millicents,
                  r.model_name, r.created_at
             FROM app.token_usage_report AS r
            WHERE r.tenant_id = $1 AND r.story_id = asked.story_id AND r.session_id = asked.session_id
              AND r.corrects_report_id IS NULL
            ORDER BY r.created_at DESC, r.position DESC
            LIMIT 1) AS last
"""
SessionKey = tuple[UUID, str]


class SameSession(Model[SessionKey, SaidBefore | None]):
    """What was last reported of a story in a session: the same again is a retry."""

    name = "usage_of_session"
    events = (TokenUsageReported,)

    async def load(self, tx: TenantTx, keys: Sequence[SessionKey]) -> Mapping[SessionKey, SaidBefore | None]:
        rows = await tx.fetch(LAST_OF_SESSION, tx.tenant_id, [story for story, _ in keys], [each for _, each in keys])
        return {
            (row["story_id"], row["session_id"]): SaidBefore(
                row["model_name"], tuple(row[name] for name in SAID), row["created_at"]
            )
            for row in rows
        }

    def initial(self, _: SessionKey) -> None:
        return None

    def touched(self, recorded: Recorded) -> Sequence[SessionKey]:
        match recorded.event:
            case TokenUsageCorrected():
                return ()
            case TokenUsageReported(session_id=str() as session):
                return ((recorded.event.story_id, session),)
            case _:
                return ()

    def evolve(self, state: SaidBefore | None, recorded: Recorded) -> SaidBefore | None:
        event = recorded.event
        return said_in(event, recorded.at) if isinstance(event, TokenUsageReported) else state


SPENDING, NET_USAGE, SAME_SESSION = Spending(), NetUsage(), SameSession()
