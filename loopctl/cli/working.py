"""The implementer's steps: contract, claim, start, request-review, heartbeat, unclaim."""

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.naming import project_id_or_none, story_id
from loopctl.cli.options import ANYWHERE, Flag, Scope
from loopctl.cli.output import note
from loopctl.cli.session import session
from loopctl.cli.settings import IMPLEMENTING, JUDGING
from loopctl.cli.stepping import said


def contract(story: str, /, *, scope: Scope = ANYWHERE) -> None:
    """Show a story's title and criteria, and say with them that they were read.

    Parameters
    ----------
    story
        Its number, with or without US-, or its id.
    """
    with session(scope, IMPLEMENTING) as asked:
        id_ = story_id(asked, story, scope.project)
        shown = asked.client.get(f"stories/{id_}")["story"]
        criteria = shown.get("acceptance_criteria") or []
        note(f"Story: {shown['title']}")
        note(f"Acceptance Criteria: {len(criteria)}")
        for each in criteria:
            note(f"  {each.get('id', '-')}  {each.get('description') or each.get('criterion') or ''}")
        echo = {"story_title": shown["title"], "ac_count": len(criteria)}
        asked.show(asked.client.post(f"stories/{id_}/contract", echo))
        asked.output.note(f"Next: loopctl claim {story}")


def claim(
    story: str | None = None, /, *, next: Flag = False, # noqa: A002  # the name of the option
    lease_seconds: int | None = None, scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Take a contracted story, or the best ready one.

    Parameters
    ----------
    story
        Its number, with or without US-, or its id.
    next
        The best story that is ready, contracted and claimed in one step.
    lease_seconds
        The claim ends after this time unless `loopctl heartbeat` goes on.
    """
    if next == (story is not None):
        raise Stop(Exit.USAGE, "Say which story, or --next.", "See what is ready: loopctl next")
    with session(scope, IMPLEMENTING) as asked:
        if story is None:
            body = said(project_id=project_id_or_none(asked, scope.project), lease_seconds=lease_seconds)
            answer = asked.client.post("stories/next/claim", body)
        else:
            answer = asked.client.post(
                f"stories/{story_id(asked, story, scope.project)}/claim", said(lease_seconds=lease_seconds)
            )
        asked.show(answer)
        asked.output.note(f"Next: loopctl start {answer['story']['number']}")


def start(story: str, /, *, fencing_token: int | None = None, scope: Scope = ANYWHERE) -> None:
    """Start the work on a claimed story.

    Parameters
    ----------
    fencing_token
        From the answer of the claim: refused when the claim has become somebody else's.
    """
    with session(scope, IMPLEMENTING) as asked:
        asked.step(story, scope.project, "start", said(fencing_token=fencing_token))
        asked.output.note(f"Do the work. Next: loopctl request-review {story}")


def request_review(story: str, /, *, fencing_token: int | None = None, scope: Scope = ANYWHERE) -> None:
    """Ask somebody else to review the work."""
    with session(scope, IMPLEMENTING) as asked:
        asked.step(story, scope.project, "request-review", said(fencing_token=fencing_token))
        asked.output.note(f"Next, by another agent: loopctl report {story}")


def heartbeat(
    story: str, /, *, lease_seconds: int | None = None, fencing_token: int | None = None,
    scope: Scope = ANYWHERE,
) -> None:  # fmt: skip
    """Renew the lease of a claim."""
    with session(scope, IMPLEMENTING) as asked:
        asked.step(story, scope.project, "heartbeat", said(lease_seconds=lease_seconds, fencing_token=fencing_token))


def unclaim(story: str, /, *, force: Flag = False, reason: str | None = None, scope: Scope = ANYWHERE) -> None:
    """Give a story back.

    Parameters
    ----------
    force
        Take it back from whoever has it; for orchestrators.
    reason
        Why it is taken back; with --force.
    """
    if reason is not None and not force:
        raise Stop(Exit.USAGE, "--reason is for --force: whoever gives back its own claim is not asked why.")
    with session(scope, JUDGING if force else IMPLEMENTING) as asked:
        asked.step(story, scope.project, "force-unclaim" if force else "unclaim", said(reason=reason) if force else {})
