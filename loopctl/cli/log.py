"""`loopctl log`: checks a log without believing the server that wrote it. Loaded only when it is used.

Only `fsck` of an address and `cosign` use the network.

Exit codes: 0 good, 10 bad, 1 nothing that could be judged, 2 wrong usage.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from msgspec import Struct
from msgspec.json import encode

from loopctl.audit import fork, receipts, story_proof
from loopctl.audit import fsck as repairs
from loopctl.audit import report as reports
from loopctl.audit.expected import Expected, Older, keep
from loopctl.audit.fault import Fault, Unreadable
from loopctl.audit.keys_file import KnownKeys, parse_keys
from loopctl.audit.report import NotRead
from loopctl.audit.source import LogSource, open_source
from loopctl.audit.verify import verify as verify_bundle
from loopctl.cli.options import Flag, Input
from loopctl.cli.plain import lines
from loopctl.cli.reading import read_bytes
from loopctl.cli.remote_options import NOBODY, Believed, Remote
from loopctl.tlog.errors import TlogError
from loopctl.tlog.policy import Policy, parse_policy
from loopctl.tlog.vkey import VerifierKey, parse_vkey

GOOD, UNREADABLE, USAGE, BAD = 0, 1, 2, 10
PROGRESS_SECONDS = 0.1
LARGEST_INPUT = 1 << 20
LARGEST_STORY = 1 << 28

app = App(name="log", help="Check a log: exports and receipts offline, the log of a server through its tiles.")

Keys = Annotated[tuple[str, ...], Parameter(name="--vkey", negative=(), consume_multiple=False)]

Witnesses = Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=False)]

PolicyFile = Annotated[Input | None, Parameter(name="--policy")]

AsJson = Annotated[bool, Parameter(name="--json", negative=())]


class WrongUsage(Exception):
    """Options that make no sense together, or a key that is none."""


@app.command
def verify(
    bundle: Input,
    /,
    *,
    believed: Believed = NOBODY,
    not_older_than: Input | None = None,
    form: Flag = False,
    as_json: AsJson = False,
) -> int:
    """Check an export: every byte, hash, link, signature and change of keys of the log.

    Exit code 0 when all of it is good, 10 when something is not, 1 when there is nothing that could be judged.

    Parameters
    ----------
    bundle
        The export: a directory, or a .tar or .tar.gz as the server makes it; - reads that from standard input.
    not_older_than
        A signed head that you have kept: the log must still be an extension of it.
    form
        Also check that every entry has the only spelling of what it says. Takes twice as long.
    as_json
        Print the report as JSON.
    """

    def judge() -> tuple[Struct, str, bool]:
        older = None if not_older_than is None else _older(not_older_than)
        expected = Expected(_keys(believed.vkey), older, form, policy_of(believed.policy))
        source = open_source(bundle)
        with Progress(source) as progress:
            report = verify_bundle(source.members(), expected, progress=progress)
        return report, reports.text(report), report.fault is None

    return _answer(judge, as_json)


@app.command
def receipt(
    file: Input, /, *, entry: Input, believed: Believed = NOBODY, keys: Input | None = None, as_json: AsJson = False
) -> int:
    """Check a receipt (.tlog-proof): that an entry is in the log, at its place, under a head that the log has signed.

    Parameters
    ----------
    file
        The receipt.
    entry
        The entry's bytes, exactly as the log has them.
    keys
        The log's keys.json, for heads from before or after a rotation. The given key has to be in it.
    as_json
        Print the report as JSON.
    """

    def judge() -> tuple[Struct, str, bool]:
        known = None if keys is None else _known(keys)
        try:
            trust = receipts.trust_in(_keys(believed.vkey), known, policy_of(believed.policy))
        except ValueError as error:
            raise WrongUsage(f"{error} (--vkey, --keys): a receipt is worth what the key is") from None
        report = receipts.judge_receipt(_read(file), _read(entry), trust)
        return report, receipts.text(report), report.fault is None

    return _answer(judge, as_json)


# Not loaded before it is needed: what checks offline has to run where there is no client.
app.command("loopctl.cli.log_story:story_proof", name="story-proof", help="Fetch all that the log has of a story.")
app.command("loopctl.cli.log_key:rotate_key", name="rotate-key", help="Give the log of your tenant a new key.")
app.command("loopctl.cli.log_texts:texts", name="texts", help="Fetch the texts that an export does not have.")
app.command("loopctl.cli.log_texts:erase", name="erase", help="Erase the texts of one entry, for good.")


@app.command
def check_story(file: Input, /, *, vkey: Keys = (), as_json: AsJson = False) -> int:
    """Check what `story-proof` has fetched, offline: every step of a story, and that no confirmation came from the
    lineage of who did the work.

    What came after the head in the file is not in it: fetch it again for that.

    Parameters
    ----------
    file
        The story proof.
    vkey
        The key that the log signs with now, told to you by somebody else than who made the file; a witness's key must
        have signed the head too. Can be given several times.
    as_json
        Print the report as JSON.
    """

    def judge() -> tuple[Struct, str, bool]:
        try:
            report = story_proof.judge_story(_read(file, LARGEST_STORY), _keys(vkey))
        except ValueError as error:
            raise WrongUsage(f"{error} (--vkey): a proof is worth what the key is") from None
        return report, story_proof.text(report), report.fault is None

    return _answer(judge, as_json)


@app.command
def fork_proof(file: Input, /, *, vkey: Keys = (), as_json: AsJson = False) -> int:
    """Check a proof that a log has contradicted itself, offline.

    Exit code 0 when it proves that, 10 when it does not.

    Parameters
    ----------
    file
        The proof: of GET /api/v1/tenants/ID/fork-proofs, or as a client has written it.
    vkey
        A key of the log, told to you by somebody else than who made the proof. After a rotation the keys of both heads.
    as_json
        Print the report as JSON.
    """

    def judge() -> tuple[Struct, str, bool]:
        try:
            report = fork.judge_fork(_read(file), _keys(vkey))
        except ValueError as error:
            raise WrongUsage(f"{error} (--vkey): a proof is worth what the key is") from None
        return report, fork.text(report), report.fault is None

    return _answer(judge, as_json)


@app.command
def fsck(
    log: str, /, *, remote: Remote | None = None, vkey: Keys = (), repair: Flag = False, as_json: AsJson = False
) -> int:
    """Check a log on a server, or an unpacked export; rebuild what follows from an export's entries.

    Parameters
    ----------
    log
        The address of a log, which ends in /t/<tenant>, or the directory of an export.
    vkey
        As for `verify`.
    repair
        Of a directory: write the hash tiles anew. Entries, heads and keys are never changed, and when they contradict
        each other nothing is.
    as_json
        Print the report as JSON.
    """

    def judge() -> tuple[Struct, str, bool]:
        expected, keeping = Expected(_keys(vkey)), remote is not None and remote.keep is not None
        if log.startswith(("http://", "https://")):
            if repair:
                raise WrongUsage("--repair is for the directory of an export; a server repairs its own log")
            if keeping and not (remote and remote.api_key):
                raise WrongUsage("--keep keeps entries, which need a key of the tenant: LOOPCTL_API_KEY")
            # Not before it is needed: what checks offline has to run where there is no HTTP client.
            from loopctl.cli.log_remote import judge_remote  # noqa: PLC0415  # as said

            return judge_remote(log, expected, remote or Remote(), Progress)
        if keeping:
            raise WrongUsage("--keep is for the log of a server; this one is a directory already")
        directory = Path(log)
        if not directory.is_dir():
            raise WrongUsage("fsck needs the address of a log, or the directory of an unpacked export")
        report = repairs.fsck(directory, expected, repair=repair)
        return report, repairs.text(report), report.verdict in ("good", "repaired")

    return _answer(judge, as_json)


@app.command
def cosign(log: str, /, *, witness: Witnesses = (), policy: PolicyFile = None, out: Path) -> int:
    """Have witnesses cosign the newest head of a log: proof to third parties that it shows everybody the same history.

    Exit code 0 when all of them have, or with a policy its quorum; 10 when one has cosigned another or a longer
    history; 1 for everything else.

    Parameters
    ----------
    log
        The address of a log, which ends in /t/<tenant>, or the directory of an export.
    witness
        Address and key of a witness, with an equals sign between them. Can be given several times.
    policy
        As for `verify`. Its witnesses that have an address are asked, until they are enough; lines of the others count
        where the head has them already.
    out
        The file that the cosigned head is written to; `loopctl log verify --not-older-than` takes it.
    """
    from loopctl.cli.log_cosign import cosign_head  # noqa: PLC0415  # the only other one that needs the network

    try:
        return cosign_head(log, witness, out, policy_of(policy))
    except WrongUsage as error:
        sys.stderr.write(lines(f"loopctl log: {error}\n"))
        return USAGE
    except (Unreadable, OSError) as error:
        sys.stderr.write(lines(f"loopctl log: --policy: {error}\n"))
        return UNREADABLE


def _answer(judge: Callable[[], tuple[Struct, str, bool]], as_json: bool) -> int:
    try:
        report, text, good = judge()
    except WrongUsage as error:
        sys.stderr.write(lines(f"loopctl log: {error}\n"))
        return USAGE
    except (Unreadable, OSError) as error:
        # An OSError's own text would repeat the path, which the caller knows.
        problem = str(error) if isinstance(error, Unreadable) else f"cannot be read ({error.strerror})"
        report, text, code = NotRead("unreadable", problem), f"unreadable: {problem}\n", UNREADABLE
    else:
        code = GOOD if good else BAD
    # What a log says, names of files too, is other people's words.
    sys.stdout.write(lines(encode(report).decode() + "\n" if as_json else text))
    return code


def _keys(texts: tuple[str, ...]) -> tuple[VerifierKey, ...]:
    try:
        return tuple(dict.fromkeys(map(parse_vkey, texts)))
    except TlogError as error:
        raise WrongUsage(f"--vkey: {error.problem}") from None


def policy_of(file: Path | None) -> Policy | None:
    """Raises WrongUsage, and Unreadable for a file that is too large for one."""
    try:
        return None if file is None else parse_policy(_read(file))
    except TlogError as error:
        raise WrongUsage(f"--policy: {error}") from None


def _older(file: Path) -> Older:
    try:
        return keep(_read(file))
    except TlogError as error:
        raise Unreadable(f"--not-older-than is no signed head: {error}") from None


def _known(file: Path) -> KnownKeys:
    try:
        return parse_keys(_read(file))
    except Fault as fault:
        raise Unreadable(f"--keys: {fault}") from None


def _read(file: Path, most: int = LARGEST_INPUT) -> bytes:
    data = read_bytes(file, most)
    if len(data) > most:
        raise Unreadable("a file is too large to be what it is given as")
    return data


class Progress:
    """One line on the terminal, rewritten; nothing when the errors go elsewhere."""

    def __init__(self, source: LogSource) -> None:
        self._source = source
        self._shown = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, size: int) -> None:
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_SECONDS
            sys.stderr.write(f"\r{self._source.fraction():4.0%} {size:,} entries")
            sys.stderr.flush()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
