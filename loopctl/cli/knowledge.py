"""`loopctl knowledge`: what the tenant has learned (spec 04, sections 3.6 to 3.9)."""

from dataclasses import dataclass
from pathlib import Path

from cyclopts import App, Parameter

from loopctl.cli.knowledge_files import bring_in, read_articles
from loopctl.cli.naming import project_id
from loopctl.cli.options import ANYWHERE, FIRST_PAGE, Flag, Input, Pages, Scope
from loopctl.cli.output import Columns, note, print_line
from loopctl.cli.reading import read_text
from loopctl.cli.session import Session, session
from loopctl.cli.settings import OWNING, PLANNING, READING
from loopctl.cli.stepping import said
from loopctl.cli.vocabulary import Category, SearchMode, SourceType
from loopctl.cli.whole_file import answer_file
from loopctl.client import Query

app = App(name="knowledge")

HIT: Columns = ("id", "title", "category", "score")
ARTICLE: Columns = ("id", "title", "category", "status", "project_id")


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Narrowed:
    """Which articles are searched, and how.

    Parameters
    ----------
    mode
        keyword, semantic or combined.
    category
        Only patterns, conventions, decisions, findings or references.
    tags
        Only with one of these, between commas.
    """

    mode: SearchMode | None = None
    category: Category | None = None
    tags: str | None = None


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Filed:
    """How an article is filed.

    Parameters
    ----------
    tags
        With commas between.
    publish
        At once, with the key of an orchestrator or a user; else it is a draft.
    """

    tags: str | None = None
    publish: Flag = False


EVERYWHERE, DRAFT = Narrowed(), Filed()


@app.command
def search(
    question: str, /, *, narrowed: Narrowed = EVERYWHERE, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE
) -> None:  # fmt: skip
    """Search what is published.

    Parameters
    ----------
    question
        Words, "whole phrases", or, and -words.
    """
    with session(scope, READING) as asked:
        of = {**_of_project(asked, scope), "mode": narrowed.mode, "category": narrowed.category, "tags": narrowed.tags}
        asked.show_list("knowledge/search", pages, HIT, q=question, **of)


@app.command
def get(article: str, /, *, text: Flag = False, scope: Scope = ANYWHERE) -> None:
    """Show an article.

    Parameters
    ----------
    article
        Its id.
    text
        Print its text and nothing else.
    """
    with session(scope, READING) as asked:
        body = asked.client.get(f"articles/{article}")
        if text:
            print_line(str(body["data"]["body"]).rstrip("\n"))
        else:
            asked.show(body)


@app.command
def context(
    task: str, /, *, limit: int | None = None, max_tokens: int | None = None, recency: float | None = None,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Show what is known for a task, in full, the fresher articles sooner.

    Parameters
    ----------
    task
        What is to be done.
    limit
        Articles at most.
    max_tokens
        What all of them may take together.
    recency
        From 0 to 1: how much fresh ones gain.
    """
    with session(scope, READING) as asked:
        asked.show(
            asked.client.get(
                "knowledge/context", query=task, **_of_project(asked, scope), limit=limit, max_tokens=max_tokens,
                recency_weight=None if recency is None else str(recency),
            )
        )  # fmt: skip


@app.command
def index(*, scope: Scope = ANYWHERE) -> None:
    """List what is published, by category."""
    with session(scope, READING) as asked:
        asked.show(asked.client.get("knowledge/index", project_id=_project(asked, scope)))


@app.command
def create(
    *, title: str, file: Input, category: Category, filed: Filed = DRAFT, scope: Scope = ANYWHERE
) -> None:  # fmt: skip
    """File an article.

    Parameters
    ----------
    file
        Its text; - for standard input.
    category
        pattern, convention, decision, finding or reference.
    """
    with session(scope, PLANNING if filed.publish else READING) as asked:
        body = said(
            title=title, body=read_text(file), category=category, project_id=_project(asked, scope),
            tags=[tag.strip() for tag in filed.tags.split(",")] if filed.tags else None,
            status="published" if filed.publish else None,
        )  # fmt: skip
        asked.show(asked.client.post("articles", body))


@app.command
def ingest(
    source: str, /, *, source_type: SourceType | None = None, file: Flag = False, force: Flag = False,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Read in a page or a text, into drafts. The server does it beside everything else: see ingestions.

    Parameters
    ----------
    source
        An address, or with --file a file of text or Markdown; - for standard input.
    source_type
        What it is; else web_article, or manual for a file.
    file
        Send the text of a file of this machine, instead of an address.
    force
        Although the same was read in within the last hour.
    """
    with session(scope, PLANNING) as asked:
        body = said(
            url=None if file else source, content=read_text(Path(source)) if file else None,
            source_type=source_type or ("manual" if file else "web_article"), project_id=_project(asked, scope),
            force=True if force else None,
        )  # fmt: skip
        asked.show(asked.client.post("knowledge/ingest", body))


@app.command
def ingestions(*, scope: Scope = ANYWHERE) -> None:
    """List what was read in during the last seven days, and how it went."""
    with session(scope, PLANNING) as asked:
        asked.show(asked.client.get("knowledge/ingestion-jobs"))


@app.command
def drafts(*, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List what waits for somebody to publish it."""
    with session(scope, PLANNING) as asked:
        asked.show_list("knowledge/drafts", pages, ARTICLE, project_id=_project(asked, scope))


@app.command
def publish(*articles: str, scope: Scope = ANYWHERE) -> None:
    """Publish drafts; several take the key of a user, and are published together or not at all.

    Parameters
    ----------
    articles
        Their ids.
    """
    if len(articles) == 1:
        with session(scope, PLANNING) as asked:
            asked.show(asked.client.post(f"articles/{articles[0]}/publish"))
    else:
        with session(scope, OWNING) as asked:
            asked.show(asked.client.post("knowledge/bulk-publish", {"article_ids": list(articles)}))


@app.command
def unpublish(article: str, /, *, scope: Scope = ANYWHERE) -> None:
    """Make an article a draft again."""
    with session(scope, OWNING) as asked:
        asked.show(asked.client.post(f"articles/{article}/unpublish"))


@app.command
def archive(article: str, /, *, scope: Scope = ANYWHERE) -> None:
    """Archive an article, for good."""
    with session(scope, OWNING) as asked:
        asked.show(asked.client.post(f"articles/{article}/archive"))


@app.command
def lint(
    *, stale_days: int | None = None, min_coverage: int | None = None, most: int | None = None, scope: Scope = ANYWHERE
) -> None:  # fmt: skip
    """Show what is stale, alone, contradictory, thin, or taught by nothing that is still there.

    Parameters
    ----------
    stale_days
        Days without a change; else 90.
    min_coverage
        Articles that a category has at least; else 3.
    most
        Of each list; else 50.
    """
    with session(scope, PLANNING) as asked:
        asked.show(
            asked.client.get(
                "knowledge/lint", project_id=_project(asked, scope), stale_days=stale_days, min_coverage=min_coverage,
                max_per_category=most,
            )
        )  # fmt: skip


@app.command
def export(file: Path, /, *, scope: Scope = ANYWHERE) -> None:
    """Write what is published into a ZIP of Markdown files, which Obsidian opens.

    Parameters
    ----------
    file
        Its name.
    """
    with session(scope, PLANNING) as asked:
        project = _project(asked, scope)
        path = f"projects/{project}/knowledge/export" if project else "knowledge/export"
        with answer_file(file) as opened:
            asked.client.download(path, opened.write)
        note(f"{file} has what is published.")


@app.command(name="import")
def import_(file: Path, /, *, publish: Flag = False, scope: Scope = ANYWHERE) -> None:
    """File the articles of an export, and link them. What is there under the same title stays as it is.

    Parameters
    ----------
    file
        A ZIP, or a folder with .md files.
    publish
        With the key of an orchestrator or a user; else they are drafts.
    """
    found = read_articles(file)
    with session(scope, PLANNING) as asked:
        asked.show(bring_in(asked, found, project=_project(asked, scope), publish=publish))


def _of_project(asked: Session, scope: Scope) -> dict[str, Query]:
    """A project's articles, and those of the whole tenant."""
    project = _project(asked, scope)
    return {} if project is None else {"project_id": project, "include_tenant_wide": "true"}


def _project(asked: Session, scope: Scope) -> str | None:
    """Only where the command names one: what is known is the whole tenant's."""
    return project_id(asked, scope.project) if scope.project else None
