"""The implementer's part: take the best ready story, do it, ask for a review. And two who behave worse."""

from collections.abc import Callable
from typing import Any

from loopctl.cli.demo.duty import LEASE_SECONDS, MORTAL_LEASE_SECONDS
from loopctl.cli.demo.worker import Worker
from loopctl.client import Client, Refused

WORK_SECONDS = 0.05
IDLE_SECONDS = 0.5
NO_STORY = {404, 409}
LOST = 409
SELF_REVIEW = {"review_type": "self", "summary": "Looks good to me"}


def implement(worker: Worker) -> None:
    """For ever: whoever started the process ends it."""
    cheats = worker.duty.cheat_key is not None
    while True:
        story = _claimed(worker)
        if story is None:
            worker.pause(IDLE_SECONDS)
            continue
        worker.tell("claimed", story)
        try:
            _work_on(worker, story, cheats=cheats)
        except Refused as refused:
            if refused.status != LOST:
                raise
            worker.tell("lost", story, refused.code)
            continue
        if cheats:
            _review_alone(worker, story)
            cheats = False


def _work_on(worker: Worker, story: dict[str, Any], *, cheats: bool) -> None:
    """Raises Refused with LOST when the claim has ended meanwhile."""
    worker.client.post(f"stories/{story['id']}/start", {"fencing_token": story["fencing_token"]})
    if worker.duty.hangs:
        worker.tell("hangs", story)
        while True:
            worker.pause(IDLE_SECONDS)
    worker.pause(WORK_SECONDS)
    if cheats:
        _confirm_alone(worker, story)
    worker.client.post(f"stories/{story['id']}/request-review", {"fencing_token": story["fencing_token"]})
    worker.tell("asked", story)


def _claimed(worker: Worker) -> dict[str, Any] | None:
    """None when nothing is ready."""
    seconds = MORTAL_LEASE_SECONDS if worker.duty.hangs else LEASE_SECONDS
    wanted = {"project_id": worker.duty.project_id, "lease_seconds": seconds}
    try:
        answer = worker.client.post("stories/next/claim", wanted)
    except Refused as refused:
        if refused.status not in NO_STORY:
            raise
        return None
    return {**answer["story"], "fencing_token": answer["lease"]["fencing_token"]}


def _confirm_alone(worker: Worker, story: dict[str, Any]) -> None:
    """Two of the three ways to confirm one's own work; the second with an orchestrator's key of the same agent.
    Before it asks for a review, which somebody else may have done by the time a slow machine gets to this."""
    as_orchestrator = Client(worker.duty.server, worker.duty.cheat_key)
    path = f"stories/{story['id']}"
    _refused(worker, story, "report", lambda: worker.client.post(f"{path}/report", {}))
    _refused(worker, story, "verify", lambda: as_orchestrator.post(f"{path}/verify", SELF_REVIEW))
    as_orchestrator.close()


def _review_alone(worker: Worker, story: dict[str, Any]) -> None:
    """The third."""
    path = f"stories/{story['id']}"
    while worker.client.get(path)["story"]["agent_status"] != "reported_done":
        worker.pause(IDLE_SECONDS)
    _refused(worker, story, "review", lambda: worker.client.post(f"{path}/review-complete", SELF_REVIEW))


def _refused(worker: Worker, story: dict[str, Any], action: str, attempt: Callable[[], Any]) -> None:
    try:
        attempt()
    except Refused as refused:
        worker.tell("refused", story, f"{action}: {refused.status} {refused.code}")
    else:
        worker.tell("let_through", story, f"{action}: was let through")
