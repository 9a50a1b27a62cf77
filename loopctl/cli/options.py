"""Options of every command that asks a server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.vocabulary import AnyRole, Format

CONNECTION = Group("Connection and output", sort_key=99)
Flag = Annotated[bool, Parameter(negative=())]
Input = Annotated[Path, Parameter(allow_leading_hyphen=True)]
"""A file, or - for standard input."""
JsonText = Annotated[str, Parameter(allow_leading_hyphen=True)]
"""As it was typed, or @FILE, or - for standard input."""


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Common:
    """May stand before the command, too.

    Parameters
    ----------
    server
        Address of the server; else LOOPCTL_SERVER, else `config set server`. LOOPCTL_CA_BUNDLE=FILE trusts one
        whose certificate is of its own making.
    api_key
        Others on this machine may see it here: better in LOOPCTL_API_KEY.
    format
        json, or human for tables, or csv; else LOOPCTL_FORMAT, else `config set format`, else json.
    fields
        Only these members, with commas between; a dot leads into an object: number,title,new_state.agent_status.
    role
        Which of the kept keys asks: agent, orchestrator, user or superadmin. Else the one that fits the command.
    impersonate
        A superadmin's key asks, in the tenant of this id or slug; --as is then the role that it takes there.
    idempotency_key
        That a command which was broken off has told: repeated with it, it is carried out once.
    """

    server: Annotated[str | None, Parameter(group=CONNECTION)] = None
    api_key: Annotated[str | None, Parameter(group=CONNECTION)] = None
    format: Annotated[Format | None, Parameter(group=CONNECTION)] = None
    fields: Annotated[str | None, Parameter(group=CONNECTION)] = None
    role: Annotated[AnyRole | None, Parameter(name="--as", group=CONNECTION)] = None
    impersonate: Annotated[str | None, Parameter(group=CONNECTION)] = None
    idempotency_key: Annotated[str | None, Parameter(group=CONNECTION)] = None


PLAIN = Common()


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Scope(Common):
    """Of commands about the work of a project.

    Parameters
    ----------
    project
        Id, slug or name; else LOOPCTL_PROJECT, else `config set project`.
    """

    project: Annotated[str | None, Parameter(name=["--project", "-p"])] = None


ANYWHERE = Scope()


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Pages:
    """Which part of a list.

    Parameters
    ----------
    all
        Follow the pages to the end.
    limit
        Items of the page.
    page
        Which page, from 1.
    """

    all: Flag = False
    limit: int | None = None
    page: int | None = None

    def __post_init__(self) -> None:
        """Raises Stop."""
        if self.all and (self.limit, self.page) != (None, None):
            raise Stop(Exit.USAGE, "--all is every page: it goes with neither --page nor --limit.")


FIRST_PAGE = Pages()


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Details:
    """Which stories, by what they say of themselves.

    Parameters
    ----------
    number
        Only the story with this number, with or without US-.
    label
        Only stories with this label.
    priority
        Only stories of this priority: 0, the most urgent, to 4.
    assignee
        Only stories with this assignee.
    external_id
        Only stories that came with this id.
    external_source
        Only stories of this source, such as github.
    """

    number: str | None = None
    label: str | None = None
    priority: int | None = None
    assignee: str | None = None
    external_id: str | None = None
    external_source: str | None = None


ANY_DETAILS = Details()
