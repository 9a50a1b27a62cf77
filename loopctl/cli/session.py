"""One command's way to the server: settings, key, client, output."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.json import decode

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.heads_file import HeadsFile
from loopctl.cli.left_out import say_what_was_left
from loopctl.cli.naming import ID
from loopctl.cli.options import Common, Pages
from loopctl.cli.outcome import interrupted, perhaps_done, unreachable
from loopctl.cli.output import Columns, Output, note, output_for
from loopctl.cli.reading import read_bytes
from loopctl.cli.settings import ADMINISTERING, Fitting, Key, Settings, file_of
from loopctl.cli.stepping import taken
from loopctl.cli.touching import TouchingClient
from loopctl.client import Client, Query, Refused, Unreachable, Unusable
from loopctl.seen import Cosign
from loopctl.trust import INSECURE, insecure

NO_SERVER = "loopctl auth login --server URL --key KEY, or set LOOPCTL_SERVER and LOOPCTL_API_KEY"


class Session:
    def __init__(self, client: Client, output: Output, settings: Settings) -> None:
        self.client = client
        self.output = output
        self.settings = settings

    @property
    def project(self) -> str | None:
        """The project that is meant when none is said."""
        return self.settings.get("project")

    def show_list(self, path: str, pages: Pages, columns: Columns, **query: Query) -> None:
        self.show(self.list(path, pages, **query), columns)

    def list(self, path: str, pages: Pages, **query: Query) -> Any:
        """A page, or all of them as one."""
        if pages.all:
            items = [*self.client.pages(path, **query)]
            return {"data": items, "meta": {"total_count": len(items)}}
        return self.client.get(path, **{**query, "page_size": pages.limit, "page": pages.page})

    def step(self, story: str, project: str | None, action: str, body: dict[str, Any]) -> None:
        """One step of a story's way, and what the server answers to it is shown."""
        self.show(taken(self, story, project, action, body))

    def show(self, body: Any, columns: Columns = ()) -> None:
        say_what_was_left(body)
        self.output.body(body, columns, done=self.client.wrote)


@contextmanager
def session(common: Common, fitting: Fitting) -> Iterator[Session]:
    """``fitting`` are the roles whose keys the command can be asked with. Raises Stop without a server."""
    settings = Settings()
    output = output_for(common, settings)
    server = common.server or settings.get("server")
    if not server:
        raise Stop(Exit.USAGE, "No server is known.", NO_SERVER)
    key = chosen_key(settings, common, fitting)
    cosign = cosigning(settings.get("cosigner_key")) if key and key.setting in OF_AGENTS else None
    with asking(server, key.value if key else None, cosign) as client:
        if common.idempotency_key:
            client.repeat(common.idempotency_key)
        try:
            if common.impersonate:
                _act_in(client, common.impersonate, common.role)
            yield Session(client, output, settings)
            if client.key_is_left:
                note("--idempotency-key was not needed: nothing was to be written.")
        except Refused as refused:
            refused.asked_with = key.shown() if key else {}
            if client.under_way is not None:
                raise perhaps_done(refused, client.under_way) from None
            raise
        except Unreachable as error:
            if client.under_way is not None:
                raise unreachable(error, client.under_way) from None
            raise
        except KeyboardInterrupt:
            raise interrupted(client) from None


@contextmanager
def asking(server: str, api_key: str | None, cosign: Cosign | None = None) -> Iterator[Client]:
    """A client that is closed in the end. Raises Unusable where an answer has not the form that a command goes by."""
    client = connect(server, api_key, cosign)
    try:
        yield client
    except (LookupError, TypeError, AttributeError) as error:
        if sys.flags.dev_mode:
            raise
        problem = f"has no {error}" if isinstance(error, KeyError) else f"has another form ({error})"
        deed = "What was asked for may be done; its answer" if client.wrote else "Its answer"
        hint = "Is this a loopctl server of this version? See: loopctl doctor. PYTHONDEVMODE=1 shows where"
        raise Unusable("not_loopctl", f"{server} answers as no loopctl server: {deed} {problem}.", hint) from None
    finally:
        client.close()


def chosen_key(settings: Settings, common: Common, fitting: Fitting) -> Key | None:
    """Raises Stop when none of those that are kept fits."""
    if common.impersonate:
        return settings.key(ADMINISTERING, common.api_key)
    return settings.key((common.role,) if common.role else fitting, common.api_key)


@contextmanager
def route_of_a_later_version(noun: str) -> Iterator[None]:
    """Of commands whose routes not every server has. Raises Stop instead of a 404 without a reason."""
    try:
        yield
    except Refused as refused:
        if refused.status != 404 or refused.code != "not_found":
            raise
        raise Stop(Exit.MISSING, f"This server knows no {noun}.", "See what it knows: loopctl api GET routes") from None


def _act_in(client: Client, named: str, role: str | None) -> None:
    """Goes on in the tenant that is named by id or slug. Raises Stop when there is none."""
    ids = [named] if ID.fullmatch(named) else [
        str(tenant["id"]) for tenant in client.pages("admin/tenants") if tenant["slug"] == named
    ]  # fmt: skip
    if not ids:
        raise Stop(Exit.MISSING, f"There is no tenant {named!r}.", "See what there is: loopctl admin tenants")
    client.act_in(ids[0], role)


LARGEST_KEY_FILE = 65_536
OF_AGENTS = ("agent_key", "orch_key", "api_key")
"""Settings whose key can be of an agent, which signs the heads that it has seen."""


def cosigning(file: str | None) -> Cosign | None:
    """With the key in the file of the setting cosigner_key. Raises Stop for what holds none."""
    if file is None:
        return None
    # Signatures are loaded where they are made.
    from loopctl.cosigning import KeyFile, cosig_of  # noqa: PLC0415  # as said

    try:
        key = decode(read_bytes(Path(file), LARGEST_KEY_FILE), type=KeyFile)
        key.cosigner("x")
    except (OSError, ValueError) as error:
        problem = (isinstance(error, OSError) and error.strerror) or "it holds no key"
        hint = 'Make one: loopctl agent new-cosigner AGENT; or sign nothing: loopctl config set cosigner_key ""'
        raise Stop(Exit.USAGE, f"cosigner_key is {file}: {problem}.", hint) from None
    return partial(cosig_of, key)


def check_address(server: str) -> None:
    """Raises Stop for what is none."""
    if not server.startswith(("http://", "https://")):
        raise Stop(Exit.USAGE, f"{server} is no address of a server.", "It begins with http:// or https://")


def connect(
    server: str, api_key: str | None, cosign: Cosign | None = None, kind: type[Client] = TouchingClient
) -> Client:
    """Raises Stop and Unusable for what cannot be sent."""
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        raise Stop(Exit.USAGE, "The API key has characters that no key has.", "Copy it anew: loopctl auth login")
    check_address(server)
    client = kind(server.rstrip("/"), api_key, notice=note)
    client.keep_heads_in(HeadsFile(file_of(os.environ).with_name("heads.json")), cosign)
    if server.startswith("https://") and insecure():
        note(f"{INSECURE}: whoever answers for {server} is believed, and gets the key.")
    return client
