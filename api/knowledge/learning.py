"""Learns from reviews: drafts of what they found, which somebody may publish (spec 03, section 12.1).

Every process does this for the tenants whose reviews it has taken; the log orders them, and whoever comes second finds
nothing to do. Nobody waits for it. What a crash leaves is learned with the tenant's next review.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import structlog

from api.commands import refused
from api.services import Submit
from domain.event import Event, Stream
from domain.knowledge.events import ArticleCreated
from domain.knowledge.lessons import Lesson, Reviewed, draft_of, learn, lessons_of, with_own_title
from domain.tenant_settings import read_settings
from eventstore.database.transaction import Database, TenantTx
from eventstore.log.command import Change, Command, Known, Origin
from projections.rows.articles import ARTICLES, TITLE_HOLDER
from projections.rows.review_lessons import Finished, finish_review, pending_reviews
from projections.rows.tenants import find_tenant

ACTOR = ("system", "worker:review_knowledge")
MOST_AT_ONCE = 50
REFUSED = 400

log = structlog.get_logger("api")


class Learner:
    """``reviewed`` is told of every review, and costs nothing else."""

    def __init__(self, database: Database, submit: Submit) -> None:
        self._database = database
        self._submit = submit
        self._wanted: asyncio.Queue[UUID] = asyncio.Queue()
        self._queued: set[UUID] = set()

    def reviewed(self, tenant_id: UUID) -> None:
        if tenant_id not in self._queued:
            self._queued.add(tenant_id)
            self._wanted.put_nowait(tenant_id)

    async def run(self, now: Callable[[], datetime]) -> None:
        """Until it is cancelled. ``now`` gives the time in UTC."""
        while True:
            tenant_id = await self._wanted.get()
            self._queued.discard(tenant_id)
            try:
                while await self.look(tenant_id, now()) == MOST_AT_ONCE:
                    pass
            except Exception as error:  # noqa: BLE001  # whatever it is, the next review may find it better
                log.warning("reviews_not_learned", tenant=str(tenant_id), error_class=type(error).__name__)

    async def look(self, tenant_id: UUID, now: datetime) -> int:
        """How many reviews were looked at."""
        async with self._database.tenant_transaction(tenant_id) as tx:
            tenant = await find_tenant(tx)
            reviews = await pending_reviews(tx, MOST_AT_ONCE)
        wanted = tenant is not None and read_settings(tenant.settings).knowledge_auto_extract
        for review in reviews:
            await self._take_in(tenant_id, review, now, wanted=wanted)
        return len(reviews)

    async def _take_in(self, tenant_id: UUID, review: Reviewed, now: datetime, *, wanted: bool) -> None:
        lessons = lessons_of(review, tenant_id) if wanted else ()
        if lessons:
            reply = await self._submit(tenant_id, learning(lessons, review, now))
            if reply.status < REFUSED:
                return
            finished = Finished(review=review, state="failed", error=f"refused_{reply.status}")
        else:
            finished = Finished(review=review, state="nothing" if wanted else "switched_off")
        async with self._database.tenant_transaction(tenant_id) as tx:
            await finish_review(tx, finished, now)


@asynccontextmanager
async def learning_from_reviews(learner: Learner, now: Callable[[], datetime]) -> AsyncIterator[None]:
    """As long as the block runs."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(learner.run(now), name="learner")
        try:
            yield
        finally:
            task.cancel()


def learning(lessons: Sequence[Lesson], review: Reviewed, now: datetime) -> Command:
    """Drafts, and in the same transaction that the review was learned from."""
    needs = {lesson: ARTICLES.need(lesson.article_id) for lesson in lessons}
    titles = {lesson: TITLE_HOLDER.need(draft_of(lesson, review).title) for lesson in lessons}
    made: list[int] = [0]

    def decide(known: Known) -> Sequence[Change]:
        changes: list[Change] = []
        taken: set[str] = set()
        for lesson in lessons:
            event: Event | None = learn(lesson, review, known[needs[lesson]])
            if isinstance(event, ArticleCreated):
                if known[titles[lesson]].article_id is not None or event.title in taken:
                    event = with_own_title(event, lesson.article_id)
                taken.add(event.title)
            if event is not None:
                changes.append(Change(Stream("article", lesson.article_id), event))
        made[0] = len(changes)
        return changes

    async def beside(tx: TenantTx) -> None:
        await finish_review(tx, Finished(review=review, state="learned", drafts=made[0]), now)

    return Command(
        origin=Origin(actor=ACTOR, at=now, refuse=refused), needs=(*needs.values(), *titles.values()), decide=decide,
        streams=tuple(Stream("article", lesson.article_id) for lesson in lessons), answer=lambda *_: None,
        beside=beside,
    )  # fmt: skip
