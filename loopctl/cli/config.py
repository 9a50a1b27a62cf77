"""`loopctl config`: what the client remembers."""

from cyclopts import App

from loopctl.cli.exits import Exit, Stop
from loopctl.cli.options import PLAIN, Common, Flag
from loopctl.cli.output import output_for, print_line
from loopctl.cli.server_here import run_server_module
from loopctl.cli.session import check_address
from loopctl.cli.settings import SECRET, Settings, masked
from loopctl.cli.settings_file import NAMES, instead
from loopctl.cli.vocabulary import FORMATS, one_of

app = App(name="config")


@app.command(name="set")
def set_(name: str, value: str, /, *, common: Common = PLAIN) -> None:
    """Keep a setting; "" takes it back.

    Parameters
    ----------
    name
        server, api_key, agent_key, orch_key, user_key, superadmin_key, project, format or cosigner_key: the file
        that `loopctl agent new-cosigner` has made.
    """
    settings = Settings()
    if _known(name) == "format" and value:
        one_of("format", value, FORMATS)
    if name == "server" and value:
        check_address(value)
    if name in SECRET and any(letter.isspace() for letter in value):
        raise Stop(Exit.USAGE, f"{name} has no spaces in it.", "loopctl auth login tries a key before it keeps it")
    settings.store(**{name: value})
    output_for(common, settings).note(f"{name} is {'set' if value else 'taken back'}.")


@app.command
def get(name: str, /, *, common: Common = PLAIN) -> None:  # noqa: ARG001  # every command takes these
    """Print one setting, the environment's if that has it; a key in clear."""
    found = Settings().get(_known(name))
    if found is None:
        raise Stop(Exit.MISSING, f"{name} is not set.", f"loopctl config set {name} VALUE")
    print_line(found)


@app.command
def show(*, origin: Flag = False, common: Common = PLAIN) -> None:
    """Print every setting of this client, keys masked.

    Parameters
    ----------
    origin
        Also say where each value comes from.
    """
    settings = Settings()
    found = {name: masked(name, value) for name in NAMES if (value := settings.get(name))}
    body = {name: {"value": value, "from": settings.origin(name)} for name, value in found.items()}
    output_for(common, settings).body(body if origin else found)


@app.command
def server(*, origin: Flag = False) -> int:
    """Print every setting of the server on this machine, secrets masked.

    Parameters
    ----------
    origin
        Also say where each value came from.
    """
    return run_server_module("config", "config server", ("--origin",) if origin else ())


def _known(name: str) -> str:
    if name not in NAMES:
        said = instead(name)
        raise Stop(Exit.USAGE, f"There is no setting {name!r}.", f"{said[0].upper()}{said[1:]}")
    return name
