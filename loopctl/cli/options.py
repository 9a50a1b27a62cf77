"""Options of every command that asks a server."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

CONNECTION = Group("Connection and output", sort_key=99)
Flag = Annotated[bool, Parameter(negative=())]


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Common:
    """May stand before the command, too.

    Parameters
    ----------
    server
        Address of the server; else LOOPCTL_SERVER, else `config set server`.
    api_key
        Others on this machine may see it here: better in LOOPCTL_API_KEY.
    format
        json, human or csv; else LOOPCTL_FORMAT, else `config set format`, else human on a terminal and json elsewhere.
    fields
        Columns of tables and CSV, with commas between.
    """

    server: Annotated[str | None, Parameter(group=CONNECTION)] = None
    api_key: Annotated[str | None, Parameter(group=CONNECTION)] = None
    format: Annotated[str | None, Parameter(group=CONNECTION)] = None
    fields: Annotated[str | None, Parameter(group=CONNECTION)] = None


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


FIRST_PAGE = Pages()
