"""The wiki as Markdown files, and its lint."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from itertools import pairwise
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest
from markdown_it import MarkdownIt

from domain.knowledge.exporting import slugify
from domain.knowledge.lint import Contradiction, clusters
from tests.api.logs import NOON, Service, service
from tests.api.test_articles import filed
from tests.api.work import Client, client
from tests.support.database import TestDatabase, copied_database

WIKILINK = re.compile(r"\[\[(.+?)\]\]")


@pytest.fixture(scope="module")
async def shared(postgres_admin_url: str, database_template: str) -> AsyncIterator[TestDatabase]:
    async with copied_database(postgres_admin_url, database_template) as copied:
        yield copied


@pytest.fixture
async def running(shared: TestDatabase) -> AsyncIterator[Service]:
    async with service(shared) as started:
        yield started


@pytest.fixture
async def user(running: Service) -> Client:
    return await client(running)


async def published(who: Client, title: str, **more: Any) -> str:
    return str((await filed(who, title, status="published", **more))["id"])


async def link(who: Client, source: str, target: str, kind: str) -> None:
    wish = {"source_article_id": source, "target_article_id": target, "relationship_type": kind}
    assert (await who.post("/article_links", wish)).status == 201


async def exported(who: Client, path: str = "/knowledge/export") -> dict[str, str]:
    answer = await who.get(path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    with ZipFile(BytesIO(answer.body)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Ecto.Multi Pattern", "ectomulti-pattern"), ("!!!", "untitled"), ("multiple---dashes", "multiple-dashes"),
        ("What's New? (v2.0) -- Breaking Changes!", "whats-new-v20-breaking-changes"), ("Größe 漢字", "größe-漢字"),
    ],
)  # fmt: skip
def test_a_file_is_named_after_its_title(title: str, slug: str) -> None:
    """Appendix B, 8, and the example of section 8."""
    assert slugify(title) == slug


async def test_an_empty_wiki_is_an_index(user: Client) -> None:
    assert await exported(user) == {"_index.md": "# Knowledge Base Index\n"}


async def test_a_file_has_its_front_matter_in_order_its_text_and_its_links(user: Client) -> None:
    one = await published(user, 'Say "no" \\ never', tags=["b", "a"], source_type="manual", slug="no")
    other = await published(user, "Other", category="decision")
    await link(user, one, other, "derived_from")
    files = await exported(user)
    assert files.keys() == {"_index.md", "pattern/say-no-never.md", "decision/other.md"}
    assert files["pattern/say-no-never.md"] == (
        '---\ntitle: "Say \\"no\\" \\\\ never"\ncategory: pattern\ntags:\n  - b\n  - a\nstatus: published\n'
        'source_type: manual\ncreated_at: "2026-03-27T12:00:00.000000Z"\nupdated_at: "2026-03-27T12:00:00.000000Z"\n'
        'slug: no\naliases:\n  - "Say \\"no\\" \\\\ never"\n---\n\nRetry at one place.\n\n## Related Articles\n\n'
        "- [[Other]] (derived_from)\n"
    )
    assert files["decision/other.md"].endswith('- [[Say "no" \\ never]] (derived_from) <!-- incoming -->\n')
    assert files["_index.md"] == (
        '# Knowledge Base Index\n\n## Decision\n\n- [[Other]]\n\n## Pattern\n\n- [[Say "no" \\ never]]\n'
    )


async def test_every_link_of_an_export_leads_to_one_of_its_files(user: Client) -> None:
    """As an independent parser of Markdown reads them; drafts and what is retired are neither in it nor linked."""
    ids = [await published(user, f"Article {number}") for number in range(6)]
    for source, target in pairwise(ids):
        await link(user, source, target, "relates_to")
    draft = (await filed(user, "Draft"))["id"]
    await link(user, ids[0], draft, "relates_to")
    files = await exported(user)
    titles = {f"Article {number}" for number in range(6)}
    seen = 0
    for text in files.values():
        body = text.partition("\n---\n")[2] or text
        for token in MarkdownIt().parse(body):
            if token.type == "inline":
                found = WIKILINK.findall(token.content)
                assert {*found} <= titles
                seen += len(found)
    assert seen == len(ids) + 2 * (len(ids) - 1)


async def test_two_titles_that_make_one_name_are_two_files(user: Client) -> None:
    await published(user, "What?")
    await published(user, "what!")
    assert {"pattern/what.md", "pattern/what-2.md"} <= (await exported(user)).keys()


async def test_a_project_s_export_has_the_whole_tenant_s_too(user: Client) -> None:
    mine, other = await user.project(), await user.project("other")
    await published(user, "mine", project_id=mine)
    await published(user, "theirs", project_id=other)
    await published(user, "all")
    files = await exported(user, "/projects/my-app/knowledge/export")
    assert files.keys() == {"_index.md", "pattern/mine.md", "pattern/all.md"}


async def linted(who: Client, query: str = "") -> Any:
    answer = await who.get(f"/knowledge/lint{query}")
    assert answer.status == 200, answer.body
    return answer.json()


async def test_an_empty_wiki_has_five_gaps(user: Client) -> None:
    """Appendix B, 4."""
    found = await linted(user)
    assert len(found["data"]["coverage_gaps"]) == 5
    summary = found["summary"]
    assert (summary["total_articles"], summary["total_issues"], summary["issues_by_severity"]) == (0, 5, {"info": 5})


def test_contradictions_hang_together() -> None:
    """Appendix B, 5."""
    a, b, c, d, e = (UUID(int=number) for number in range(5))
    links = [Contradiction(UUID(int=10), a, b), Contradiction(UUID(int=11), b, c), Contradiction(UUID(int=12), d, e)]
    one, other = clusters(links)
    assert ({*one.article_ids}, [*one.link_ids]) == ({a, b, c}, [UUID(int=10), UUID(int=11)])
    assert {*other.article_ids} == {d, e}
    assert clusters([]) == []


async def test_a_draft_is_in_no_cluster(user: Client) -> None:
    """Appendix B, 5: with C a draft, two are left."""
    a, b = await published(user, "A"), await published(user, "B")
    c = (await filed(user, "C"))["id"]
    await link(user, a, b, "contradicts")
    await link(user, b, c, "contradicts")
    (cluster,) = (await linted(user))["data"]["contradiction_clusters"]
    assert ({*cluster["article_ids"]}, {*cluster["titles"]}) == ({a, b}, {"A", "B"})


async def test_what_is_stale_alone_or_of_a_review_that_there_is_not_is_found(
    running: Service, shared: TestDatabase
) -> None:
    user = await client(running)
    one, other = await published(user, "one"), await published(user, "other", source_type="review_finding")
    await link(user, one, other, "relates_to")
    await published(user, "alone")
    found = await linted(user)
    assert [each["title"] for each in found["data"]["orphan_articles"]] == ["alone"]
    assert [each["title"] for each in found["data"]["broken_sources"]] == ["other"]
    assert found["data"]["stale_articles"] == []
    async with service(shared, utc_now=lambda: NOON + timedelta(days=91, hours=1)) as later:
        aged = await linted(Client(later, user.tenant, user.raw), "?max_per_category=2")
    assert [each["days_since_update"] for each in aged["data"]["stale_articles"]] == [91, 91]
    summary = aged["summary"]
    assert (summary["total_per_category"]["stale_articles"], summary["truncated"]["stale_articles"]) == (3, True)


@pytest.mark.parametrize("query", ["?stale_days=0", "?min_coverage=x", "?max_per_category=501"])
async def test_bounds_of_the_lint_are_refused_beyond(user: Client, query: str) -> None:
    assert (await user.get(f"/knowledge/lint{query}")).status == 422
