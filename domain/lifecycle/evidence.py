"""Evidence of tests: what a CI, or somebody with a key, says that running the work has found (spec 01, section 3.11).

Nothing is run here, and of what was sent the log keeps the hash and the counts. Evidence never verifies; a tenant may
want a passing one before anybody does (`verification_gate`).
"""

import re
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct

from domain.criteria import criteria_of
from domain.errors import Conflict, Invalid
from domain.event import Event, JsonText, Recorded
from domain.fields import Problems, must_be
from domain.lifecycle.events import EvidenceForm, EvidenceReported, EvidenceSource, EvidenceStatus
from domain.story import CriterionUpdated, Story, StoryDeleted, StoryText, StoryUpdated
from domain.tenant_settings import TenantSettings

COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
LONGEST_URL = 2000
MOST_NAMED = 20
"""Failed tests whose names the log keeps."""
LONGEST_TEST_NAME = 200
WORKED_ON = ("assigned", "implementing", "reported_done")

Outcome = Literal["passed", "failed", "error", "skipped"]
Found = Literal["pass", "fail", "skipped", "missing"]
"""Of a criterion: ``missing`` when no test of that name was run."""


class Case(Struct, frozen=True, array_like=True):
    """``file`` and ``group`` as far as they are said: a path, and a class or a suite."""

    name: str
    outcome: Outcome
    group: str = ""
    file: str = ""


class Results(Struct, frozen=True, kw_only=True):
    """What was read of the body that was sent."""

    form: EvidenceForm
    sha256: str
    """Of the bytes that were sent, in hexadecimal."""
    size: int
    cases: Sequence[Case]
    failed_whole: bool = False
    """The run says of itself that it failed, whatever its tests say."""
    counts_differ: bool = False
    """It says that it has more tests than it names."""
    signatures: int = 0
    """Of an envelope; nobody has checked them."""
    commit_shas: Sequence[str] = ()
    """What a statement says that it is about."""


class CiIdentity(Struct, frozen=True, kw_only=True):
    """Of a job of a CI, as its issuer has signed it."""

    issuer: str
    repository: str
    repository_id: str
    ref: str
    workflow: str
    run_id: str
    jti: str
    """Its ``jti``: a token speaks once of each story."""


class Said(Struct, frozen=True, kw_only=True):
    """One posting: what was found, of which commit, by whom."""

    evidence_id: UUID
    results: Results
    commit_sha: str
    run_url: str | None
    agent_id: UUID | None = None
    key_id: UUID | None = None
    ci: CiIdentity | None = None


class KeptEvidence(Struct, frozen=True, kw_only=True):
    """As it is known of a story; a part of a row of app.evidence."""

    evidence_id: UUID
    source: EvidenceSource
    status: EvidenceStatus
    sha256: str
    commit_sha: str
    executed: int
    """Tests that were not skipped."""
    claim_position: int | None
    iteration: int
    current: bool
    """The checks of the criteria are what they were."""


class Standing(Struct, frozen=True):
    """The newest evidence of a story, and the newest of a CI."""

    newest: KeptEvidence | None = None
    by_ci: KeptEvidence | None = None


class Posted(Struct, frozen=True):
    """With what is known of the story. ``executed_before`` is what to compare the number of tests with: of the story's
    newest evidence, else of the project's newest that passes."""

    said: Said
    standing: Standing
    executed_before: int | None


def report_evidence(story: Story, text: StoryText, posted: Posted) -> tuple[EvidenceReported, ...]:
    """Nothing when the newest says the very same. Raises Invalid."""
    said, executed_before = posted.said, posted.executed_before
    if story.agent_status not in WORKED_ON:
        raise Invalid(
            f"Story {story.number} is {story.agent_status}: evidence is of work that somebody has claimed.",
            code="story_not_worked_on",
        )
    commit = checked_commit(said)
    source: EvidenceSource = "key" if said.ci is None else "ci"
    if _is_repeated(story, posted.standing.newest, said, source):
        return ()
    results, counts = said.results, _counts(said.results.cases)
    found = found_of_criteria(text, results.cases)
    executed, flags = len(results.cases) - counts["skipped"], []
    if not executed:
        flags.append("nothing_ran")
    if results.counts_differ:
        flags.append("counts_differ")
    if executed_before is not None and executed < executed_before:
        flags.append("fewer_tests")
    bad = counts["failed"] + counts["error"] or results.failed_whole or not executed
    failed = [case for case in results.cases if case.outcome in ("failed", "error")]
    return (
        EvidenceReported(
            project_id=story.project_id, epic_id=story.epic_id, agent_status_was=story.agent_status,
            evidence_id=said.evidence_id, source=source, form=results.form, sha256=results.sha256, size=results.size,
            commit_sha=commit, run_url=said.run_url,
            status="fail" if bad or any(each != "pass" for each in found.values()) else "pass",
            tests=len(results.cases), passed=counts["passed"], failed=counts["failed"], errors=counts["error"],
            skipped=counts["skipped"], executed_before=executed_before, flags=tuple(flags),
            criteria=JsonText(msgspec.json.encode(found).decode()),
            failed_tests=tuple(_name(case)[:LONGEST_TEST_NAME] for case in failed[:MOST_NAMED]),
            signatures=results.signatures, reporter_agent_id=said.agent_id, reporter_key_id=said.key_id,
            **({} if said.ci is None else msgspec.structs.asdict(said.ci)),
            claim_position=story.claim_position, iteration=story.iteration_count,
        ),
    )  # fmt: skip


def checked_commit(said: Said) -> str:
    """Raises Invalid."""
    commit, problems = said.commit_sha.strip().lower(), Problems()
    if not COMMIT.fullmatch(commit):
        problems.add("commit", must_be("the whole commit: 40 or 64 hexadecimal digits"))
    if said.run_url is not None and not _is_address(said.run_url):
        problems.add("run_url", f"must start with http:// or https:// and have at most {LONGEST_URL} characters")
    problems.raise_any()
    others = said.results.commit_shas
    if others and commit not in others:
        raise Invalid(
            f"The statement is about {', '.join(others[:3])}, and not about {commit}.", code="evidence_of_other_commit"
        )
    return commit


def found_of_criteria(text: StoryText, cases: Sequence[Case]) -> dict[str, Found]:
    """By the ac_id of each criterion that is bound to a test."""
    bound = bound_tests(text)
    if not bound:
        return {}
    named: dict[str, list[Case]] = {}
    for case in cases:
        for name in _names(case):
            named.setdefault(name, []).append(case)
    return {
        ac_id: _found([case for case in named.get(name, ()) if _is_in(case, path)])
        for ac_id, (path, name) in bound.items()
    }


def bound_tests(text: StoryText) -> dict[str, tuple[str, str]]:
    """Path and name of the test that a criterion is bound to, by its ac_id."""
    found: dict[str, tuple[str, str]] = {}
    for criterion in criteria_of(text):
        how = msgspec.json.decode(criterion.verification_criterion)
        if isinstance(how, dict) and how.get("type") == "test":
            found[criterion.ac_id] = (str(how.get("path", "")).strip(), str(how.get("test_name", "")).strip())
    return found


def _found(cases: Sequence[Case]) -> Found:
    outcomes = {case.outcome for case in cases}
    if not outcomes:
        return "missing"
    if outcomes & {"failed", "error"}:
        return "fail"
    return "pass" if "passed" in outcomes else "skipped"


def _names(case: Case) -> set[str]:
    """What a criterion may call it: with and without its parameters, and what stands before it of a path or a class."""
    whole = {case.name}
    if case.name.endswith("]") and "[" in case.name:
        whole.add(case.name.partition("[")[0])
    return whole | {name.rpartition("::")[2] for name in whole}


def _is_in(case: Case, path: str) -> bool:
    """Where no place of a case is known, its name alone counts only for a criterion without a path."""
    if not path:
        return True
    wanted = path.removeprefix("./")
    if case.file:
        return _ends_in(case.file.replace("\\", "/"), wanted)
    before = case.name.rpartition("::")[0].partition("::")[0]
    if before:
        return _ends_in(before, wanted)
    folder, slash, file = wanted.rpartition("/")
    dotted = f"{folder}{slash}{file.partition('.')[0] or file}".replace("/", ".")
    return case.group in (wanted, dotted) or case.group.startswith(dotted + ".") or case.group.endswith("." + dotted)


def _ends_in(path: str, wanted: str) -> bool:
    return path == wanted or path.endswith("/" + wanted)


def _name(case: Case) -> str:
    place = case.file or case.group
    return f"{place}::{case.name}" if place and "::" not in case.name else case.name


def _counts(cases: Sequence[Case]) -> dict[Outcome, int]:
    counts: dict[Outcome, int] = {"passed": 0, "failed": 0, "error": 0, "skipped": 0}
    for case in cases:
        counts[case.outcome] += 1
    return counts


def _is_repeated(story: Story, newest: KeptEvidence | None, said: Said, source: EvidenceSource) -> bool:
    if newest is None or not is_of_this_round(story, newest) or not newest.current:
        return False
    mine = (said.results.sha256, said.commit_sha.strip().lower(), source)
    return (newest.sha256, newest.commit_sha, newest.source) == mine


def is_of_this_round(story: Story, evidence: KeptEvidence) -> bool:
    """Of the claim that stands, and not from before the newest judgement."""
    return (evidence.claim_position, evidence.iteration) == (story.claim_position, story.iteration_count)


def wants_evidence(policy: TenantSettings) -> bool:
    return policy.verification_gate in ("evidence", "ci")


def check_evidence(story: Story, policy: TenantSettings, standing: Standing, commit_sha: str | None) -> None:
    """What the tenant wants before a story is verified. Raises Invalid."""
    newest = standing.by_ci if policy.verification_gate == "ci" else standing.newest
    if why := _missing(story, newest, (commit_sha or "").strip().lower()):
        raise no_evidence(f"Cannot verify story {story.number}", policy, why)


def no_evidence(what: str, policy: TenantSettings, why: str) -> Invalid:
    who = "a CI that the project trusts" if policy.verification_gate == "ci" else "a CI, or another agent's key"
    return Invalid(
        f"{what}: this tenant wants passing evidence from {who}, and {why}. "
        "It is posted with POST /api/v1/stories/:id/evidence, or by `loopctl ci report`.",
        code="evidence_required",
    )


def _missing(story: Story, newest: KeptEvidence | None, commit: str) -> str | None:
    if newest is None:
        return "there is none"
    if not is_of_this_round(story, newest):
        return "the newest is of an earlier round of the work"
    if not newest.current:
        return "the checks of the criteria were changed after the newest"
    if commit and not newest.commit_sha.startswith(commit):
        return f"the newest is of commit {newest.commit_sha}"
    return None if newest.status == "pass" else "the newest says fail"


def check_token_unused(story: Story, before: KeptEvidence | None, said: Said) -> None:
    """One token says one thing of a story: who gets hold of it cannot say another. Raises Conflict."""
    if before is None or before.sha256 == said.results.sha256:
        return
    raise Conflict(
        f"Conflict: this token has already reported evidence of story {story.number}, and not this. "
        "Send all files of a job at once, or ask the CI for a new token.",
        code="ci_token_used",
    )


def named(evidence: KeptEvidence) -> dict[str, str]:
    """What tells one from another, for an answer."""
    return {name: getattr(evidence, name) for name in ("source", "status", "sha256", "commit_sha")}


def kept(event: EvidenceReported) -> KeptEvidence:
    return KeptEvidence(
        evidence_id=event.evidence_id, source=event.source, status=event.status, sha256=event.sha256,
        commit_sha=event.commit_sha, executed=event.tests - event.skipped, claim_position=event.claim_position,
        iteration=event.iteration, current=True,
    )  # fmt: skip


def changes_checks(event: Event) -> bool:
    """What was found of the criteria was found under other checks."""
    match event:
        case CriterionUpdated():
            return event.verification_criterion is not UNSET
        case StoryUpdated():
            return event.acceptance_criteria is not UNSET
        case _:
            return False


def evolve_standing_evidence(standing: Standing, recorded: Recorded) -> Standing:
    event = recorded.event
    match event:
        case EvidenceReported():
            now = kept(event)
            return Standing(now, now if event.source == "ci" else standing.by_ci)
        case StoryDeleted():
            return Standing()
        case _ if changes_checks(event):
            return Standing(_outdated(standing.newest), _outdated(standing.by_ci))
        case _:
            return standing


def _outdated(evidence: KeptEvidence | None) -> KeptEvidence | None:
    return None if evidence is None else msgspec.structs.replace(evidence, current=False)


def _is_address(url: str) -> bool:
    return url.startswith(("http://", "https://")) and len(url) <= LONGEST_URL
