"""What changes articles and links, each an event."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from litestar import Response
from msgspec import Struct, structs

from api.commands import carry_out, carry_out_removal, no_body, origin
from api.http.asking import Asking
from api.http.refusal import Refused
from api.knowledge.schemas import CreateArticleBody, CreateArticleOfProjectBody, article_body, link_body
from api.projects.routes import project_id_of
from api.services import Services
from domain.caller import Role
from domain.event import Recorded, Stream
from domain.knowledge.article import Article, ArticleFields
from domain.knowledge.links import Ends, NewLink, create_link, delete_link, link_id
from domain.knowledge.workflow import (
    MOST_AT_ONCE,
    Move,
    create_article,
    move_article,
    publish_articles,
    retire_article,
    update_article,
)
from eventstore.log.command import Change, Command, Known, Need, existing
from projections.rows.articles import ARTICLE_LINKS, ARTICLES, SLUG_HOLDER, TITLE_HOLDER
from projections.rows.projects import PROJECTS

CREATED, REMOVED = 201, 204


class Planned(Struct, frozen=True, kw_only=True):
    """What is to become of one article, and what else must be known for it."""

    need: Need[Article | None]
    decide: Callable[[Known], Sequence[Change]]
    needs: Sequence[Need[Any]] = ()
    status: int = 200


def may_publish(asking: Asking) -> bool:
    return asking.caller.role.rank >= Role.ORCHESTRATOR.rank


async def create(
    services: Services, asking: Asking, data: CreateArticleOfProjectBody, project: str | None = None
) -> Response[bytes]:
    """``project`` is the path's, where it has one."""
    if data.scope not in (None, "", "tenant"):
        raise Refused("system_scope_forbidden")
    wish = data.wish(data.project_id if isinstance(data, CreateArticleBody) else None)
    if project is not None:
        wish = structs.replace(wish, project_id=await project_id_of(services, asking, project))
    stream = Stream("article", services.new_id())
    title, slug = TITLE_HOLDER.need(wish.title.strip()), SLUG_HOLDER.need(wish.slug) if wish.slug else None
    of_project = PROJECTS.need(wish.project_id) if wish.project_id else None
    need = ARTICLES.need(stream.id)

    def decide(known: Known) -> Sequence[Change]:
        if project is not None and of_project is not None:
            existing(known, of_project)
        there = of_project is None or known[of_project] is not None
        created = create_article(
            structs.replace(wish, project_is_there=there), stream.id, known[title], known[slug] if slug else None,
            may_publish=may_publish(asking),
        )  # fmt: skip
        return [Change(stream, created)]

    needs = (title, *([slug] if slug else ()), *([of_project] if of_project else ()))
    return await _one(services, asking, Planned(need=need, decide=decide, needs=needs, status=CREATED))


async def update(services: Services, asking: Asking, article_id: UUID, fields: ArticleFields) -> Response[bytes]:
    stream, need = Stream("article", article_id), ARTICLES.need(article_id)
    title = TITLE_HOLDER.need(fields.title.strip()) if isinstance(fields.title, str) else None
    project = PROJECTS.need(fields.project_id) if isinstance(fields.project_id, UUID) else None

    def decide(known: Known) -> Sequence[Change]:
        there = project is None or known[project] is not None
        holder = known[title] if title else None
        changes = update_article(
            existing(known, need), structs.replace(fields, project_is_there=there), holder
        )  # fmt: skip
        return [Change(stream, event) for event in changes]

    needs = (*([title] if title else ()), *([project] if project else ()))
    return await _one(services, asking, Planned(need=need, decide=decide, needs=needs))


async def move(services: Services, asking: Asking, article_id: UUID, to: Move) -> Response[bytes]:
    stream, need = Stream("article", article_id), ARTICLES.need(article_id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, move_article(existing(known, need), to))]

    return await _one(services, asking, Planned(need=need, decide=decide))


async def retire(services: Services, asking: Asking, article_id: UUID) -> Response[bytes]:
    stream, need = Stream("article", article_id), ARTICLES.need(article_id)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, event) for event in retire_article(existing(known, need))]

    return await _one(services, asking, Planned(need=need, decide=decide))


async def publish_all(services: Services, asking: Asking, article_ids: Sequence[UUID]) -> Response[bytes]:
    """Raises Refused for none and for too many."""
    if not article_ids:
        raise Refused("bad_request", "article_ids must not be empty")
    if len(article_ids) > MOST_AT_ONCE:
        raise Refused("bad_request", f"Maximum {MOST_AT_ONCE} articles per bulk publish")
    needs = [ARTICLES.need(article_id) for article_id in article_ids]
    tenant_id = asking.caller.tenant_id

    def decide(known: Known) -> Sequence[Change]:
        published = publish_articles(article_ids, [known[need] for need in needs])
        return [Change(Stream("article", id_), event) for id_, event in zip(article_ids, published, strict=True)]

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        shown = [article_body(tenant_id, existing(known, need)) for need in needs]
        return {"data": shown, "meta": {"count": len(shown)}}

    command = Command(
        origin=origin(services, asking), decide=decide, answer=answer, needs=needs,
        streams=tuple(Stream("article", article_id) for article_id in article_ids),
    )  # fmt: skip
    return await carry_out(services, asking, command)


async def link(services: Services, asking: Asking, wish: NewLink) -> Response[bytes]:
    stream, target_stream = Stream("article_link", link_id(wish)), Stream("article", wish.target_article_id)
    source, target = ARTICLES.need(wish.source_article_id), ARTICLES.need(wish.target_article_id)
    need = ARTICLE_LINKS.need(stream.id)

    def decide(known: Known) -> Sequence[Change]:
        ends = Ends(known[source], known[target], known[need])
        created, superseded = create_link(wish, ends, may_supersede=may_publish(asking))
        return [Change(stream, created), *(Change(target_stream, event) for event in superseded)]

    command = Command(
        origin=origin(services, asking), decide=decide, status=CREATED, needs=(source, target, need),
        answer=lambda known, _: {"data": link_body(existing(known, need))}, streams=(stream, target_stream),
    )  # fmt: skip
    return await carry_out(services, asking, command)


async def unlink(services: Services, asking: Asking, id_: UUID) -> Response[None]:
    stream, need = Stream("article_link", id_), ARTICLE_LINKS.need(id_)

    def decide(known: Known) -> Sequence[Change]:
        return [Change(stream, delete_link(existing(known, need)))]

    command = Command(
        origin=origin(services, asking), decide=decide, answer=no_body, needs=(need,), streams=(stream,),
        status=REMOVED,
    )  # fmt: skip
    return await carry_out_removal(services, asking, command)


async def _one(services: Services, asking: Asking, planned: Planned) -> Response[bytes]:
    """Answers with the article."""
    tenant_id, need = asking.caller.tenant_id, planned.need

    def answer(known: Known, _: Sequence[Recorded]) -> Any:
        return {"data": article_body(tenant_id, existing(known, need))}

    article_id: Any = need.key
    command = Command(
        origin=origin(services, asking), decide=planned.decide, answer=answer, needs=(need, *planned.needs),
        streams=(Stream("article", article_id),), status=planned.status,
    )  # fmt: skip
    return await carry_out(services, asking, command)
