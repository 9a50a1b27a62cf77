"""Which sources there are, and which files of a directory are theirs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from loopctl.importers import (
    backlog_md,
    beads,
    github,
    jira_csv,
    linear_csv,
    plane_csv,
    spec_kit,
    task_master,
)
from loopctl.importers.items import Reading, SourceFile

SourceName = Literal["beads", "task-master", "backlog-md", "spec-kit", "github", "jira-csv", "linear-csv", "plane-csv"]


class Source(Struct, frozen=True):
    """``names`` are patterns of file names; ``read`` raises Unreadable."""

    names: Sequence[str]
    read: Callable[[Sequence[SourceFile]], Reading]


SOURCES: Mapping[SourceName, Source] = {
    "beads": Source(beads.NAMES, beads.read),
    "task-master": Source(task_master.NAMES, task_master.read),
    "backlog-md": Source(backlog_md.NAMES, backlog_md.read),
    "spec-kit": Source(spec_kit.NAMES, spec_kit.read),
    "github": Source(github.NAMES, github.read),
    "jira-csv": Source(jira_csv.NAMES, jira_csv.read),
    "linear-csv": Source(linear_csv.NAMES, linear_csv.read),
    "plane-csv": Source(plane_csv.NAMES, plane_csv.read),
}
