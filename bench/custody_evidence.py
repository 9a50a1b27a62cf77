"""Evidence of tests in the custody machine: posted by whoever has a key, and by a CI, which is nobody's."""

import random
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from api.lifecycle.transitions import TransitionFacts
from domain.criteria import CriterionFields
from domain.event import Event
from domain.lifecycle import judges as confirming
from domain.lifecycle.evidence import Case, CiIdentity, Outcome, Posted, Results, Said, report_evidence
from domain.story import StoryText

CI = CiIdentity(
    issuer="https://ci.test", repository="acme/keys", repository_id="1", ref="refs/heads/main", workflow="ci.yml",
    run_id="1", jti="-",
)  # fmt: skip
PATHS = ("evidence-pass", "evidence-fail", "ci-pass", "ci-fail")


def checks(chance: random.Random) -> CriterionFields:
    """What a check found, or what it is; where its evidence is, is anybody's to bring."""
    if chance.random() < 0.5:
        return CriterionFields(status=chance.choice(("verified", "failed")))
    bound = {"type": "manual", "description": chance.choice(("a", "b", "c"))}
    return CriterionFields(verification_criterion=bound)


def posted(path: str, asked: TransitionFacts, text: StoryText, number: int) -> Sequence[Event]:
    """``number`` makes one file differ from another."""
    source, _, status = path.partition("-")
    outcome: Outcome = "passed" if status == "pass" else "failed"
    results = Results(
        form="junit", sha256=sha256(b"%d" % number).hexdigest(), size=1, cases=(Case("t", outcome),)
    )  # fmt: skip
    said = Said(
        evidence_id=UUID(int=7), results=results, commit_sha="9" * 40, run_url=None, agent_id=asked.who.agent_id,
        key_id=asked.who.key_id, ci=CI if source == "ci" else None,
    )  # fmt: skip
    all_of_it = Posted(said, asked.evidence, None)
    if source == "ci":
        return report_evidence(asked.story, text, all_of_it)
    return confirming.post_evidence(asked.story, text, asked.who, asked.policy, all_of_it)
