"""Draws links between articles that a job of the worker has found alike."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from api.commands import refused
from domain.event import Stream
from domain.knowledge.likeness import Likeness, link_alike, links_between
from domain.knowledge.links import NewLink, link_id
from eventstore.log.command import Change, Command, Known, Origin
from projections.rows.articles import ARTICLE_LINKS, ARTICLES
from projections.rows.job_findings import Finding

ACTOR = ("system", "worker:article_linking")
LIKENESS = msgspec.json.Decoder(Likeness)


def likeness_found(finding: Finding, now: datetime) -> Command:
    likeness = LIKENESS.decode(finding.details)
    one, others = likeness.article_id, [each.article_id for each in likeness.nearest]
    articles = {id_: ARTICLES.need(id_) for id_ in (one, *others)}
    links = {id_: ARTICLE_LINKS.need(id_) for other in others for id_ in links_between(one, other)}
    streams = {other: Stream("article_link", link_id(_wish(one, other))) for other in others}

    def decide(known: Known) -> Sequence[Change]:
        there = {id_: known[need] for id_, need in articles.items()}
        drawn = link_alike(likeness, there, {id_: known[need] for id_, need in links.items()})
        return [Change(streams[each.target_article_id], each) for each in drawn]

    return Command(
        origin=Origin(actor=ACTOR, at=now, refuse=refused), needs=(*articles.values(), *links.values()),
        streams=tuple(streams.values()), decide=decide, answer=lambda *_: None,
    )  # fmt: skip


def _wish(source: UUID, target: UUID) -> NewLink:
    return NewLink(source_article_id=source, target_article_id=target, relationship_type="relates_to")
