"""`loopctl witness`: cosigns the heads of other people's logs. Loaded only when it is used."""

import os
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cyclopts import Parameter

from loopctl.cli.options import Flag
from loopctl.tlog.errors import TlogError
from loopctl.tlog.signer import Cosigner
from loopctl.tlog.vkey import VerifierKey, is_key_name, parse_vkey
from loopctl.witness.answering import Witness, logs_of
from loopctl.witness.serving import Serving
from loopctl.witness.state import State

KEY_FILE = "witness.key"
KEY_BYTES = 32


@Parameter(name="*")
@dataclass(frozen=True)  # of which the command line can make options
class Listening:
    """Where it listens.

    Parameters
    ----------
    port
        0 takes any that is free.
    """

    host: str = "127.0.0.1"
    port: int = 8377


def witness(
    *,
    name: str,
    data_dir: Path,
    log: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=False)] = (),
    at: Listening | None = None,
    show_key: Flag = False,
) -> int:
    """Cosign heads of logs that extend what was cosigned before, and no others (C2SP tlog-witness).

    Ctrl-C stops it. Exit code 1 when it cannot begin, 2 for wrong usage.

    Parameters
    ----------
    name
        Of the witness, in its cosignatures: a host name and a path, as witness.example/w1.
    data_dir
        For its key, made at the first start, and for what it has cosigned. Whoever loses it needs another key: the same
        key with an empty memory would cosign a second history.
    log
        The key of a log to witness, as its keys.json or `loopctl log` tells it. Can be given several times.
    show_key
        Print the witness's own key, for `--vkey` of those who check, and end.
    """
    try:
        cosigner = _cosigner(name, data_dir)
        if show_key:
            sys.stdout.write(f"{cosigner.key.text()}\n")
            return 0
        witnessing = Witness(cosigner, _logs(log), State(data_dir), time.time)
        at = at or Listening()
        return _serve(Serving(witnessing, at.host, at.port))
    except _WrongUsage as error:
        return _fails(2, str(error))
    except (OSError, sqlite3.Error, ValueError) as error:
        return _fails(1, str(error))


class _WrongUsage(Exception): ...


def _logs(texts: Sequence[str]) -> Mapping[str, Sequence[VerifierKey]]:
    if not texts:
        raise _WrongUsage("--log VKEY is needed: a witness cosigns the logs that it is told to, and no others")
    try:
        return logs_of([parse_vkey(text) for text in texts])
    except (TlogError, ValueError) as error:
        raise _WrongUsage(f"--log: {error}") from None


def _cosigner(name: str, directory: Path) -> Cosigner:
    if not is_key_name(name):
        raise _WrongUsage(f"--name: {name!r} is no name of a key: no spaces, no plus sign, at most 255 bytes")
    directory.mkdir(parents=True, exist_ok=True)
    return Cosigner(name, _key(directory / KEY_FILE))


def _serve(serving: Serving) -> int:
    sys.stdout.write(f"Witnessing at {serving.address} as {serving.witness.key.text()}\n")
    sys.stdout.flush()
    try:
        serving.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    finally:
        serving.server_close()
    return 0


def _key(file: Path) -> Ed25519PrivateKey:
    """Raises OSError, ValueError for a file that holds no key."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        held = file.read_bytes()
        if len(held) != KEY_BYTES:
            raise ValueError(f"{file} holds no key of a witness ({KEY_BYTES} bytes)") from None
        return Ed25519PrivateKey.from_private_bytes(held)
    made = Ed25519PrivateKey.generate()
    with os.fdopen(descriptor, "wb") as written:
        written.write(made.private_bytes_raw())
        written.flush()
        os.fsync(written.fileno())
    return made


def _fails(code: int, why: str) -> int:
    sys.stderr.write(f"loopctl witness: {why}\n")
    return code
