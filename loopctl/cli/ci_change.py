"""What a CI's environment says of a change: which stories it names, which commit it is, where its run is."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from loopctl.cli.reading import read_json

NAMED = re.compile(
    r"(?<![0-9A-Za-z.])(?:US-|story[/-])([0-9]{1,6}(?:\.[0-9]{1,6})?)(?![0-9A-Za-z]|\.[0-9])", re.IGNORECASE
)
"""How a branch, a title or a message names a story: US-2.1, story/2.1, story-2.1."""
GITHUB_TEXTS = (("pull_request", "title"), ("pull_request", "head", "ref"), ("head_commit", "message"))
GITLAB_TEXTS = (
    "CI_COMMIT_MESSAGE",
    "CI_MERGE_REQUEST_TITLE",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "CI_COMMIT_REF_NAME",
)


class Change(Struct, frozen=True):
    """``texts`` are branch, title and messages, as far as the CI says them."""

    texts: Sequence[str]
    commit: str | None
    run_url: str | None

    def stories(self) -> list[str]:
        """Numbers, each once."""
        return numbers_in(self.texts)


def numbers_in(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(match[1] for text in texts for match in NAMED.finditer(text)))


def change_of(environment: Mapping[str, str]) -> Change:
    """Nothing where it is no CI's. Raises Stop for a file of GitHub's that cannot be read."""
    if environment.get("GITHUB_ACTIONS") == "true":
        return _of_github(environment)
    if environment.get("GITLAB_CI"):
        texts = [environment[name] for name in GITLAB_TEXTS if environment.get(name)]
        commit = environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environment.get("CI_COMMIT_SHA")
        return Change(texts, commit, environment.get("CI_JOB_URL"))
    return Change((), None, None)


def _of_github(environment: Mapping[str, str]) -> Change:
    file = environment.get("GITHUB_EVENT_PATH")
    event = read_json(Path(file)) if file else {}
    texts = [environment.get("GITHUB_HEAD_REF", ""), environment.get("GITHUB_REF_NAME", "")]
    texts += [str(text) for path in GITHUB_TEXTS if (text := _at(event, *path))]
    commits = _at(event, "commits")
    texts += [str(_at(each, "message") or "") for each in commits] if isinstance(commits, list) else []
    commit = _at(event, "pull_request", "head", "sha") or environment.get("GITHUB_SHA")
    said = [environment.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    run_url = f"{said[0]}/{said[1]}/actions/runs/{said[2]}" if all(said) else None
    return Change([text for text in texts if text], str(commit) if commit else None, run_url)


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
