"""`loopctl ci`: post what tests have found, and say whether what a change is about is verified."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from loopctl.cli.ci_change import Change, change_of, numbers_in
from loopctl.cli.ci_identity import identity_of
from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import project_id, story_number
from loopctl.cli.options import ANYWHERE, Input, Scope
from loopctl.cli.output import Columns, note, output_for
from loopctl.cli.reading import read_text
from loopctl.cli.session import NO_SERVER, Session, asking, session
from loopctl.cli.settings import READING, REVIEWING, Fitting, Settings
from loopctl.cli.vocabulary import one_of

POSTED: Columns = ("story", "status", "tests", "failed", "flags", "commit_sha", "sha256")
STANDING: Columns = ("number", "title", "agent_status", "verified_status")
WANTED = ("verified", "reported")
NAMING = "Name it in the branch, the title or a commit (US-2.1, story/2.1), or here: loopctl ci … 2.1"

app = App(name="ci")


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Files:
    """What is posted.

    Parameters
    ----------
    junit
        A JUnit file; several are sent as one.
    in_toto
        An in-toto statement of a test result, or its envelope.
    """

    junit: tuple[Input, ...] = ()
    in_toto: Input | None = None

    def body(self) -> dict[str, Any]:
        """Raises Stop."""
        if bool(self.junit) == (self.in_toto is not None):
            raise Stop(
                Exit.USAGE, "Files of JUnit or a statement, one of the two.", "loopctl ci report --junit junit.xml"
            )
        if self.in_toto is not None:
            return {"in_toto": read_text(Path(self.in_toto))}
        return {"junit": as_one([read_text(Path(each)) for each in self.junit])}


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Naming:
    """Where stories are named, besides what the CI says of the change.

    Parameters
    ----------
    text
        A title, a branch or a message.
    texts
        A file of messages, such as `git log --format=%B` writes; - is standard input.
    allow_none
        Where no story is named there is nothing to do.
    """

    text: tuple[str, ...] = ()
    texts: Input | None = None
    allow_none: Annotated[bool, Parameter(negative="")] = False

    def stories(self, said: Sequence[str], change: Change) -> list[str]:
        """Numbers. Raises Stop where there is none."""
        if said:
            return list(dict.fromkeys(map(story_number, said)))
        read = [read_text(Path(self.texts))] if self.texts is not None else []
        found = numbers_in([*self.text, *read]) if self.text or read else change.stories()
        if not found and not self.allow_none:
            raise Stop(Exit.USAGE, "The change names no story.", NAMING)
        return found


NO_FILES, ANY_NAME = Files(), Naming()


@app.command
def report(
    *stories: str, files: Files = NO_FILES, naming: Naming = ANY_NAME, commit: str | None = None,
    run_url: str | None = None, scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Post what tests have found, to the stories that the change names. With the CI's token, or else with a key.

    Parameters
    ----------
    stories
        Their numbers, instead of those that the change names.
    commit
        The whole commit that was tested; the CI's own when it is not said.
    run_url
        Where the run can be looked at; the CI's own when it is not said.
    """
    change, body = change_of(os.environ), files.body()
    numbers = naming.stories(stories, change)
    if not numbers:
        note("The change names no story: nothing is posted.")
        return
    with _asked(scope, REVIEWING) as (asked, project, by_token):
        known = _found(asked, project, numbers)
        said = {"commit": commit or (None if by_token else change.commit), "run_url": run_url or change.run_url}
        sent = {**body, **{name: value for name, value in said.items() if value}}
        posted = []
        for story in known:
            answer = asked.client.post(f"stories/{story['id']}/evidence", sent)["evidence"]
            posted.append({"story": story["number"], **answer})
        asked.show({"data": posted, "meta": {"total_count": len(posted)}}, POSTED)


@app.command
def check(
    *stories: str, state: str = "verified", naming: Naming = ANY_NAME, scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Say whether the stories that a change names are verified: exit code 0 when all of them are, 10 otherwise.

    Parameters
    ----------
    stories
        Their numbers, instead of those that the change names.
    state
        verified, or reported when it is enough that others have reported the work.
    """
    one_of("--state", state, WANTED)
    numbers = naming.stories(stories, change_of(os.environ))
    if not numbers:
        note("The change names no story: nothing is checked.")
        return
    with _asked(scope, READING) as (asked, project, _):
        found = _found(asked, project, numbers)
        asked.show({"data": found, "meta": {"total_count": len(found)}}, STANDING)
        short = [each["number"] for each in found if not _is_so(each, state)]
        if short:
            raise Stop(Exit.BAD, f"Not {state}: {', '.join(short)}.", "See what they wait for: loopctl waiting")


def _is_so(story: dict[str, Any], state: str) -> bool:
    if story["verified_status"] == "verified":
        return True
    reported = story["agent_status"] == "reported_done" and story["verified_status"] != "rejected"
    return state == "reported" and reported


def _found(asked: Session, project: str, numbers: Sequence[str]) -> list[dict[str, Any]]:
    """Raises Stop when one of them is no story."""
    answer = asked.client.get(f"projects/{project}/ci-stories", numbers=",".join(numbers))
    if answer["missing"]:
        raise Stop(Exit.MISSING, f"There is no story {', '.join(map(str, answer['missing']))}.", NAMING)
    return [dict(each) for each in answer["data"]]


@contextmanager
def _asked(scope: Scope, fitting: Fitting) -> Iterator[tuple[Session, str, bool]]:
    """With the project, and whether the CI's token is what is asked with. A key that is said wins."""
    identity = None if scope.api_key or os.environ.get("LOOPCTL_API_KEY") else identity_of(os.environ)
    if identity is None:
        with session(scope, fitting) as asked:
            yield asked, project_id(asked, scope.project), False
        return
    settings = Settings()
    server = scope.server or settings.get("server")
    if not server:
        raise Stop(Exit.USAGE, "No server is known.", NO_SERVER)
    with asking(server, identity.token) as client:
        yield Session(client, output_for(scope, settings), settings), identity.project, True


def as_one(files: Sequence[str]) -> str:
    """A single file as it is, so that its hash is that of what was sent."""
    if len(files) == 1:
        return files[0]
    bare = [text.lstrip("\ufeff \t\r\n") for text in files]
    roots = [text.partition("?>")[2] if text.startswith("<?xml") else text for text in bare]
    return f"<testsuites>{''.join(roots)}</testsuites>"
