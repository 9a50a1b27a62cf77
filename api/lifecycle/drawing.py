"""Drawing a verifier: what has to be at hand before a command that may draw is decided, and the route to draw anew."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from api.documentation.responses import answers
from api.http.asking import Asker, Asking
from api.lifecycle import examples
from api.lifecycle.transitions import Bodies, Transition, TransitionFacts, make
from api.paths import StoryPath
from api.services import Provided, Services
from domain.errors import Rejected
from domain.event import Event
from domain.lifecycle.draw import Spent, Urn, draw_again
from eventstore.keys.purpose_keys import PurposeKey, key_id_of
from eventstore.log.command import Known, Need, existing
from loopctl.draw import LINKS, drawn_by
from projections.rows.dispatches import POOL
from projections.rows.seed_chains import SEED_CHAINS

MOST_CHAINS = 4


class Drawing:
    """With the tenant's key for draws. ``needs`` are the transition's."""

    def __init__(self, services: Services, asking: Asking, key: PurposeKey) -> None:
        self._key = key
        self._pool = POOL.need(services.utc_now())
        self._chain = SEED_CHAINS.need(key_id_of(asking.caller.tenant_id, "draw", key.kid))

    @property
    def needs(self) -> Sequence[Need[Any]]:
        return (self._pool, self._chain)

    def urn(self, known: Known) -> Urn:
        return Urn(
            pool=known[self._pool], chain=existing(known, self._chain), draws=LINKS, choose=drawn_by,
            seed_of=lambda draw: self._key.chain[draw].hex(),
        )  # fmt: skip


async def with_key(
    services: Services, asking: Asking, work: Callable[[Drawing], Awaitable[Response[bytes]]]
) -> Response[bytes]:
    """With another chain when the one at hand is spent."""
    tenant_id, now = asking.caller.tenant_id, services.utc_now()
    key = await services.purpose_keys.find_or_make(tenant_id, "draw", now)
    for _ in range(MOST_CHAINS):
        try:
            return await work(Drawing(services, asking, key))
        except Spent:
            key = await services.purpose_keys.make_next(tenant_id, "draw", now, key)
    raise Rejected("All chains of draws are spent at once: try again", code="conflict")


@post(
    "/api/v1/stories/{story_id:uuid}/draw-verifier",
    opt={
        "access": "orchestrator+",
        "custody": True,
        "errors": ("invalid_transition", "verifier_drawn", "agent_deactivated", "idempotency_key_reused"),
    },
    tags=["Lifecycle"],
    summary="Draw a verifier anew",
    description="When nobody is drawn, or the dispatch that was has ended. Whom the draw meets nobody can know before, "
    "and everybody can check after: the seed, the pool and the chain of seeds are in the log.",
    status_code=200,
    responses=answers(200, "The story", examples.STORY_ANSWER),
)
async def draw_verifier_of_story(services: Provided, asking: Asker, story_id: StoryPath) -> Response[bytes]:
    async def work(drawing: Drawing) -> Response[bytes]:
        def decide(facts: TransitionFacts) -> Sequence[Event]:
            return draw_again(facts.story, facts.policy, drawing.urn(facts.known))

        transition = Transition(
            action="draw-verifier", decide=decide, body=Bodies(services, asking).story, needs=drawing.needs
        )
        return await make(services, asking, story_id, transition)

    return await with_key(services, asking, work)


ROUTES: Sequence[HTTPRouteHandler] = (draw_verifier_of_story,)
