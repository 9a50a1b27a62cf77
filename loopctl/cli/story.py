"""`loopctl story`: what people and agents say about a story, and what its tests say."""

from pathlib import Path

from cyclopts import App

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import story_id
from loopctl.cli.options import ANYWHERE, FIRST_PAGE, Input, Pages, Scope
from loopctl.cli.output import Columns
from loopctl.cli.reading import read_text
from loopctl.cli.session import session
from loopctl.cli.settings import READING, REVIEWING

COMMENT: Columns = ("inserted_at", "author_label", "body", "position")

EVIDENCE: Columns = ("inserted_at", "source", "status", "tests", "failed", "errors", "flags", "commit_sha", "sha256")

app = App(name="story")


@app.command
def comment(story: str, text: str | None = None, /, *, file: Input | None = None, scope: Scope = ANYWHERE) -> None:
    """Comment on a story. A comment is never changed; its text can be erased: loopctl log erase POSITION.

    Parameters
    ----------
    story
        Its number, with or without US-, or its id.
    text
        Of the comment, at most 10,000 characters.
    file
        A file with the text, or - for standard input.
    """
    if (text is None) == (file is None):
        raise Stop(Exit.USAGE, "The comment or --file, not both.", 'loopctl story comment 2.1 "Seen", or: --file -')
    body = text if file is None else read_text(Path(file))
    with session(scope, REVIEWING) as asked:
        asked.show(asked.client.post(f"stories/{story_id(asked, story, scope.project)}/comments", {"body": body}))


@app.command
def comments(story: str, /, *, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List the comments on a story, the oldest first.

    Parameters
    ----------
    story
        Its number, with or without US-, or its id.
    """
    with session(scope, READING) as asked:
        asked.show_list(f"stories/{story_id(asked, story, scope.project)}/comments", pages, COMMENT)


@app.command
def evidence(story: str, /, *, pages: Pages = FIRST_PAGE, scope: Scope = ANYWHERE) -> None:
    """List what tests of a story have found, the newest first; `loopctl ci report` posts it.

    Parameters
    ----------
    story
        Its number, with or without US-, or its id.
    """
    with session(scope, READING) as asked:
        asked.show_list(f"stories/{story_id(asked, story, scope.project)}/evidence", pages, EVIDENCE)
