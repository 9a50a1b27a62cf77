"""The others' parts: two reviewers report and review, one orchestrator verifies or rejects."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from loopctl.cli.demo.worker import Worker
from loopctl.client import Refused

POLL_SECONDS = 0.5


def review(worker: Worker) -> None:
    """For ever, its share of what asks for a review."""
    while True:
        for story in _stories(worker, agent_status="implementing"):
            if story["review_requested_at"] and _is_mine(worker, story["id"]):
                _review(worker, story)
        worker.pause(POLL_SECONDS)


def judge(worker: Worker) -> None:
    """For ever, what is reported. What no review was completed of yet comes up again."""
    rejects = set(worker.duty.rejects)
    while True:
        for status in ("unverified", "rejected"):
            for story in _stories(worker, agent_status="reported_done", verified_status=status):
                rejected = story["number"] in rejects
                if _judge(worker, story, rejected=rejected):
                    rejects.discard(story["number"])
        worker.pause(POLL_SECONDS)


def _stories(worker: Worker, **wanted: str) -> Iterator[Any]:
    answer = worker.client.get("stories", project_id=worker.duty.project_id, page_size=100, **wanted)
    yield from answer["data"]


def _is_mine(worker: Worker, story_id: str) -> bool:
    return UUID(story_id).int % worker.duty.shares == worker.duty.share


def _review(worker: Worker, story: dict[str, Any]) -> None:
    path = f"stories/{story['id']}"
    artifact = {"artifact_type": "commit_diff", "path": f"changes/{story['number']}.patch"}
    usage = {"model_name": "demo", "input_tokens": 1200, "output_tokens": 300, "cost_millicents": 900}
    worker.client.post(f"{path}/report", {"artifact": artifact, "token_usage": usage})
    worker.tell("reported", story)
    findings = {"findings_count": 2, "fixes_count": 1, "disproved_count": 1}
    said = {"review_type": "adversarial", "summary": f"Every criterion of {story['number']} was looked at"}
    worker.client.post(f"{path}/review-complete", {**findings, **said})
    worker.tell("reviewed", story)


def _judge(worker: Worker, story: dict[str, Any], *, rejected: bool) -> bool:
    """Whether it was judged."""
    path = f"stories/{story['id']}"
    try:
        if rejected:
            worker.client.post(f"{path}/reject", {"reason": "One criterion has no test"})
        else:
            said = {"review_type": "adversarial", "summary": "Criteria, tests and artifact are there"}
            worker.client.post(f"{path}/verify", {"result": "pass", **said})
    except Refused as refused:
        if refused.code != "review_not_conducted":
            raise
        return False
    worker.tell("rejected" if rejected else "verified", story)
    return True
