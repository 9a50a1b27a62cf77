"""What reads text from outside: each compiled pattern and each reader, with texts that are hard on it. Of an import it
is the number of its things that grows.

A pattern or a module that is new has to be entered here, and with it what would make it slow.
"""

import ast
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from api.discovery.well_known import matches
from api.http.asking import asking
from api.http.body import check_body_type, form_as_json
from api.http.exchange import check_once, merged
from api.http.json_guard import check_json
from api.http.limits import LARGE_BODY_BYTES, Limits
from api.http.negotiation import accepts_json, wants_problem
from api.http.query import check_path, check_query
from api.http.rate_limits.local import FailedKeys
from api.http.validation import explained
from api.web.cookie import read_cookie
from bench.growing import FORM_SHAPES, HEADER_SHAPES, JSON_SHAPES, PATH_SHAPES, Repeated
from config.logs import mask
from config.settings import Settings
from domain.caller import Caller, Role
from domain.importing.payload import MOST_STORIES
from egress.destination import LONGEST_URL, Rules, parse_destination
from loopctl.audit.heads import damaged_line
from loopctl.audit.names import LARGEST_KEYS_FILE
from loopctl.tlog.canonical import parse_canonical_json
from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.hashing import EMPTY_ROOT
from loopctl.tlog.note import LARGEST_NOTE, parse_note
from loopctl.tlog.policy import LARGEST_POLICY, parse_policy
from loopctl.tlog.receipt import parse_receipt
from loopctl.tlog.tile import LARGEST_ENTRY, TILE_WIDTH, Bundle, parse_bundle, parse_tile_path
from loopctl.tlog.vkey import LARGEST_VKEY, parse_vkey
from loopctl.tlog.witness import parse_add_checkpoint
from loopctl.webhook_signatures import ID, SIGNATURE, TIMESTAMP, check
from tests.house import linear_backlogs, linear_evidence
from tests.house.fed import BLANKS, DIGITS, LETTERS, Fed, Reader, fed
from tests.house.large_imports import PLANNED
from tests.house.tree import Source

PRODUCT = frozenset(
    {"api", "loopctl", "config", "domain", "egress", "eventstore", "projections", "migrations", "workers", "supervisor"}
)
LIMITS = Limits()
URL, HEADERS, BODY, IMPORT = LIMITS.url_bytes, LIMITS.header_bytes, LIMITS.body_bytes, LARGE_BODY_BYTES
COMMAND_LINE = 131_072
"""The longest argument that Linux passes on."""
OUR_OWN = 4096
"""For what is written in the code or in a setting."""


PATTERNS: Mapping[str, Fed] = {
    # Bodies, and what is in them.
    "json_guard.NUL_ESCAPE": fed("search", IMPORT, '" \\\\ ', '" \\\\\\\\u0000 ', '" \\\\ u000', '" \\u000 '),
    "json_guard.STRING_OR_BRACKET": fed("finditer", IMPORT, '" \\" ', '" \\\\ ', ' "\\ ', ' " x', '" [ ', '" a '),
    "json_guard.BRACKET": fed("finditer", IMPORT, " a [", " \\ "),
    "fields.SLUG": fed("fullmatch", IMPORT, LETTERS, "a - "),
    "validation.MISSING": fed("fullmatch", IMPORT, "Object` a ", "Object` ` x", "Object Object x"),
    "validation.UNKNOWN": fed("fullmatch", IMPORT, "Object` a ", "Object` ` x", "Object Object x"),
    "validation.LENGTH": fed("match", IMPORT, "Expected` 7 ", LETTERS),
    "validation.BOUND": fed("match", IMPORT, "Expected` 7. ", LETTERS),
    "validation.EXPECTED": fed("match", IMPORT, "Expected` , got", LETTERS),
    "validation.STEP": fed("findall", IMPORT, "a.[ ]7", LETTERS),
    "schemas.HOURS": Fed("fullmatch", IMPORT, (BLANKS, Repeated(b"7", b"\t", b"x"), Repeated(b"", b"7", b"x"))),
    "runs.COMMIT": fed("fullmatch", IMPORT, DIGITS, "a x"),
    "tenant.EMAIL": fed("fullmatch", IMPORT, LETTERS, "a@ a @", " a@ "),
    "article.SLUG": fed("fullmatch", IMPORT, LETTERS, "a - "),
    "ingestion.HEADING": fed("match", IMPORT, "# a ", " # x"),
    "lessons.MARKER": fed("match", IMPORT, "- \t x", "1) 7 x", "- a "),
    "exporting.KEPT": fed("sub", IMPORT, LETTERS, "! ? "),
    "exporting.BLANKS": fed("sub", IMPORT, LETTERS, " \t \n a"),
    "exporting.DASHES": fed("sub", IMPORT, LETTERS, "- - a", " a-- "),
    "knowledge_files.LINKED": fed("fullmatch", IMPORT, "- [[ a ]] x", "- [[a]] ( a ", "- [[ ] ]] "),
    "article.TAG": fed("fullmatch", IMPORT, LETTERS, "a_ - ", "- a !"),
    "numbering.STORY_NUMBER": fed("fullmatch", IMPORT, DIGITS, "US- 1. x"),
    "payload.DIGITS": fed("fullmatch", IMPORT, DIGITS, " 0 x"),
    "story_fields.HOURS": fed("fullmatch", IMPORT, DIGITS, "7. 7 x"),
    "story_details.UUID_FORM": fed("fullmatch", IMPORT, " f -", "00000000 -0000 x"),
    "log_key.REASON": fed("fullmatch", IMPORT, LETTERS, "a _ !"),
    # Heads of requests.
    "query.LEADING_DIGITS": Fed("match", URL, (BLANKS, Repeated(b"", b"7", b"x"))),
    "schemas.POSITION": fed("fullmatch", URL, DIGITS),
    "schemas.WITH_PLACE": fed("fullmatch", URL, DIGITS, ".000000000000000000+ 0 !"),
    "identifiers.SANE": fed("fullmatch", HEADERS, LETTERS),
    "api_key.FORM": fed("fullmatch", HEADERS, "lc_ a !"),
    "logs.SECRETS": fed(
        "sub", URL, " lc_ ", " whsec_ !", "lcap1. . !", ":// a ", " :// x", "://a: a /", " ://: x", " bearer ", " a: @"
    ),
    # The log's formats, from a server or a file.
    "tile.TILE_PATH": fed("fullmatch", COMMAND_LINE, "tile/ 0 x", "tile/0/ x000/ ", "tile/entries/000.p/ 7 x"),
    "spelling.DECIMAL": fed("fullmatch", IMPORT, DIGITS),
    "rotation.REASON": fed("fullmatch", LARGEST_ENTRY, LETTERS),
    "checkpoint.ORIGIN": fed("fullmatch", LARGEST_NOTE, " a \x1f"),
    "vkey.NAME": fed("fullmatch", LARGEST_NOTE, " a +", " \N{EM DASH} +"),
    "vkey.KEY_ID": fed("fullmatch", LARGEST_VKEY, " 0 x"),
    "canonical.BEYOND_UFFFF": fed("search", IMPORT, " a ", " é "),
    "note.CONTROL": fed("search", LARGEST_NOTE, " a ", " \n "),
    "entry.TIMESTAMP": fed("fullmatch", LARGEST_ENTRY, DIGITS),
    "entry.TYPE": fed("fullmatch", LARGEST_ENTRY, LETTERS, " a. !", "a .a_ !"),
    "entry.KIND": fed("fullmatch", LARGEST_ENTRY, LETTERS),
    "entry.PLACE": Fed("search", LARGEST_ENTRY, (Repeated(b"", b" - at `$."), Repeated(b"", b" -"))),
    "witness.OLDER": fed("fullmatch", HEADERS, DIGITS, "7: A =", "7:A = ="),
    "witness.CLAIM": fed(
        "fullmatch", HEADERS, "size= 7 ;", "size=7; root= A ;", "size=7;root=A; key= 0 x", "key=0; cosig= A ="
    ),
    "names.SHOWN": fed("fullmatch", COMMAND_LINE, LETTERS),
    "rederive.ENTRY_PLACE": Fed("fullmatch", LARGEST_ENTRY, (Repeated(b"entry ", b"7", b"x"),)),
    # Command lines, names of files, settings.
    "remote.URL": fed("fullmatch", COMMAND_LINE, "https://a/ t/ ", "https:// a ", "https://a/ /t/ ", "http://a /t/0 "),
    "naming.ID": fed("fullmatch", COMMAND_LINE, " 0 -", " 00000000- "),
    "naming.SLUG": fed("fullmatch", COMMAND_LINE, LETTERS),
    "naming.NUMBER": fed("fullmatch", COMMAND_LINE, DIGITS, "us- 7 ._", "1. 7 x"),
    "failing.STORY": fed("fullmatch", COMMAND_LINE, DIGITS, "us- 7 .", "1. 7 x", " 0000- "),
    "skill_file.FRONT_MATTER": fed("match", COMMAND_LINE, "---\n a ", "---\n \n-- ", "---\n ---x "),
    "skill_file.MEMBER": fed("findall", COMMAND_LINE, "name: a ", " name ", " \nname: "),
    # Other programs' settings, in a project folder.
    "json_text.SPACE": fed("match", COMMAND_LINE, " \t x", "// a ", "/* * ", "/* /* ", " /**/ x", " // x"),
    "json_text.STRING": fed("match", COMMAND_LINE, '" a ', '" \\\\ ', '" \\" '),
    "json_text.SCALAR": fed("match", COMMAND_LINE, '" a ', '" \\\\ ', DIGITS, "1. 7 x", "1e 7 x"),
    "json_text.INDENT": Fed("search", COMMAND_LINE, (BLANKS, Repeated(b"", b" "), Repeated(b"", b"\t\n"))),
    "pieces.LINE": fed("search", OUR_OWN, "line 7 x", " line ", " lin "),
    # What is shown: a whole export, or a server's words.
    "plain.OBEYED": fed("sub", IMPORT, LETTERS, " \x1b ", " \x9b a"),
    "plain.GAP": fed("sub", IMPORT, LETTERS, " \n ", " \x85 a"),
    "reading.AT_BYTE": fed("search", OUR_OWN, " (byte ", "(byte 7 x"),
    "story_items.EPIC": fed("fullmatch", COMMAND_LINE, "epic_ 7 x", "epic_1_ a \n", "epic - 1", " 0 x", "1 - x"),
    "story_items.NUMBER": fed("fullmatch", COMMAND_LINE, DIGITS),
    "story_items.NAME": fed(
        "fullmatch", COMMAND_LINE, DIGITS.replace("x", "!"), "us_ 1. !", "1 .a !", "1 _1 -", "1. a !"
    ),
    **linear_backlogs.PATTERNS,
    **linear_evidence.PATTERNS,
    "keys.ENTRY": fed("fullmatch", OUR_OWN, " 0 ", "00000000: A "),
    "counts.NUMBERS": Fed("match", OUR_OWN, (Repeated(b"", b":1\r\n"), Repeated(b":", b"1"))),
    "unreadable.FIRST": fed("search", BODY, ' "id":1 x', '"id":1 \t x', '"id" \t x'),
    "unreadable.LAST": fed("search", BODY, ' "id":1} x', '"id":1} \t x', '"id":1 \t x', '"id" \t x'),
    "counts.NUMBER": fed("fullmatch", OUR_OWN, DIGITS),
    "transaction.UNCACHED": fed("sub", OUR_OWN, " ? ", " &statement_cache_size=0 x"),
    # Addresses that somebody wrote down.
    "destination.ODD": fed("search", LONGEST_URL, LETTERS),
    "destination.LABEL": fed("fullmatch", LONGEST_URL, " a ", " a- ", " _ -"),
    "destination.PATH": fed("fullmatch", LONGEST_URL, "/ a \x1f"),
    "destination.NUMBER": fed("fullmatch", LONGEST_URL, DIGITS, "0x f !"),
    # What the routes say of themselves.
    "files.NAME": fed("fullmatch", OUR_OWN, DIGITS, "0000_ a !"),
    "asking.IN_PATH": fed("findall", OUR_OWN, " a ", "{ a "),
    "openapi.PLACEHOLDER": fed("sub", OUR_OWN, " a ", "{ a "),
    "policy.ACCESS": fed("fullmatch", OUR_OWN, "=agent ,agent ,"),
}


def asked(pattern: re.Pattern[Any], how: str) -> Callable[[bytes], object]:
    """``how`` is the method that the code calls, or ``sub`` with an empty text."""

    def ask(text: Any) -> object:
        match how:
            case "finditer":
                return sum(1 for _ in pattern.finditer(text))
            case "sub":
                return pattern.sub(text[:0], text)
            case _:
                return getattr(pattern, how)(text)

    return ask if isinstance(pattern.pattern, bytes) else lambda text: ask(text.decode("utf-8", "surrogateescape"))


def nobodys_texts(pattern: re.Pattern[Any], chance: random.Random, count: int) -> Iterator[Repeated]:
    """Texts of the characters that the pattern itself is made of."""
    source = pattern.pattern if isinstance(pattern.pattern, bytes) else pattern.pattern.encode("utf-8", "replace")
    words = [bytes([character]) for character in sorted({*source, *b'09aZ \n\\"-'})]
    words += [word for word in re.findall(rb"[\w/:.-]{2,}", source) if len(word) < 30]
    for _ in range(count):
        head, piece, tail = (
            b"".join(chance.choices(words, k=chance.randint(*few))) for few in ((0, 3), (1, 3), (0, 2))
        )
        yield Repeated(head, piece, tail)


CALLER = Caller(tenant_id=UUID(int=1), key_id=UUID(int=2), key_name="a key", role=Role.USER)
HEAD = Checkpoint("origin", 0, EMPTY_ROOT)
LINES = (Repeated(b"", b"\n"), Repeated(b"", b"a\n"), Repeated(b"a\n\n", "\N{EM DASH} a AAAA\n".encode()))
JSON_TEXTS = tuple(JSON_SHAPES.values())
VALUES = tuple(Repeated(shape.head.partition(b": ")[2], shape.piece, shape.tail) for shape in HEADER_SHAPES.values())
CUT = (
    Repeated(b"", b","),
    Repeated(b"", b";"),
    Repeated(b"", b"a/b;q=0,"),
    Repeated(b"", b" "),
    Repeated(b'W/"', b'",'),
)


def _lines(text: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"a", value) for value in text.split(b",")]


def _many_headers(text: bytes) -> None:
    lines = _lines(text)
    check_once(lines, merged(lines))


READERS: Mapping[str, Reader] = {
    "a body of JSON": Reader(lambda text: check_json(text, LIMITS.json_depth), BODY, JSON_TEXTS),
    "a body that is a form": Reader(form_as_json, 64 * 1024, tuple(FORM_SHAPES.values())),
    "what a decoder says": Reader(
        lambda text: explained(text.decode()), BODY, (Repeated(b"", b" - at `$"), Repeated(b"", b" - at `$", b"`"))
    ),
    "a query": Reader(lambda text: check_query(text, 100), URL, tuple(FORM_SHAPES.values())),
    "a path": Reader(check_path, URL, (*PATH_SHAPES.values(), *FORM_SHAPES.values())),
    "a path in the log": Reader(lambda text: mask(text.decode()), URL, tuple(PATH_SHAPES.values())),
    "an address to send to": Reader(
        lambda text: parse_destination(Rules(), text.decode()), LONGEST_URL, tuple(PATH_SHAPES.values())
    ),
    "the signature of a webhook": Reader(
        lambda text: check("", {ID: "1", TIMESTAMP: "1", SIGNATURE: text.decode()}, b"{}", 1.0),
        HEADERS,
        (*CUT, Repeated(b"", b"v1,A ")),
    ),
    "lines of headers": Reader(_many_headers, HEADERS, CUT),
    "Accept": Reader(lambda text: (accepts_json.__wrapped__(text), wants_problem.__wrapped__(text)), HEADERS, CUT),
    "Content-Type": Reader(lambda text: check_body_type({b"content-type": text}), HEADERS, CUT),
    "X-Forwarded-For": Reader(
        lambda text: FailedKeys(1, 2, bool, time.monotonic).source({b"x-forwarded-for": text}, None), HEADERS, CUT
    ),
    "If-None-Match": Reader(lambda text: matches(text.decode(), 'W/"x"'), HEADERS, CUT),
    "Cookie": Reader(lambda text: read_cookie(Settings(), {b"cookie": text}), HEADERS, CUT),
    "Prefer, Idempotency-Key": Reader(
        lambda text: asking(
            CALLER,
            ("POST", "/"),
            {b"prefer": text, b"idempotency-key": text, b"authorization": text},
            b"",
            halts=False,
        ),
        HEADERS,
        (*CUT, *VALUES),
    ),
    "canonical JSON": Reader(parse_canonical_json, LARGEST_KEYS_FILE, JSON_TEXTS),
    "a note": Reader(parse_note, LARGEST_NOTE, LINES),
    "a checkpoint": Reader(parse_checkpoint, LARGEST_NOTE, LINES),
    "a damaged head": Reader(lambda text: damaged_line(text, HEAD), LARGEST_NOTE, LINES),
    "a receipt": Reader(parse_receipt, LARGEST_NOTE, (*LINES, Repeated(b"c2sp.org/tlog-proof@v1\n", b"a\n"))),
    "a checkpoint for a witness": Reader(parse_add_checkpoint, LARGEST_NOTE, (*LINES, Repeated(b"old 0\n", b"A\n"))),
    "the path of a tile": Reader(
        lambda text: parse_tile_path(text.decode()), COMMAND_LINE, tuple(PATH_SHAPES.values())
    ),
    "a bundle": Reader(
        lambda text: parse_bundle(Bundle(0, TILE_WIDTH), text), 256 * LARGEST_ENTRY, (Repeated(b"", b"\0\0"),)
    ),
    "a policy": Reader(
        parse_policy,
        LARGEST_POLICY,
        (*LINES, Repeated(b"", b"quorum none\n"), Repeated(b"group g any", b" a"), Repeated(b"", b" \t")),
    ),
    "a vkey": Reader(
        lambda text: parse_vkey(text.decode()), LARGEST_VKEY, (Repeated(b"", b"+"), Repeated(b"a+", b"A"))
    ),
    **linear_backlogs.READERS,
    **linear_evidence.READERS,
    **{name: Reader(plan, MOST_STORIES, (Repeated(b"", b" "),)) for name, plan in PLANNED.items()},
}

CUTTERS: Mapping[str, str] = {
    **linear_evidence.CUTTERS,
    "asking": "Prefer, Idempotency-Key",
    "local": "X-Forwarded-For",
    "packed": "Content-Type",
    "body": "a body that is a form",
    "destination": "an address to send to",
    "well_known": "If-None-Match",
    "cookie": "Cookie",
    "json_guard": "a body of JSON",
    "negotiation": "Accept",
    "query": "a query",
    "validation": "what a decoder says",
    "heads": "a damaged head",
    "checkpoint": "a checkpoint",
    "note": "a note",
    "policy": "a policy",
    "receipt": "a receipt",
    "tile": "the path of a tile",
    "vkey": "a vkey",
    "witness": "a checkpoint for a witness",
    "webhook_signatures": "the signature of a webhook",
    "markdown": "sections and boxes",
    "csv_rows": "a spreadsheet",
    "markdown_folder": "a project as Markdown",
    "spreadsheet": "a project as a spreadsheet",
    "ticks": "ticks in a list of tasks",
    # Once over a text that is short or our own.
    "tools": "",
    "backlog_md": "",
    "github": "",
    "jira_csv": "",
    "json_lines": "",
    "linear_csv": "",
    "plane_csv": "",
    "known": "",
    "prime": "",
    "spec_kit": "",
    "beads": "",
    "building": "",
    "endpoints": "a path",
    "transitions": "",
    "board": "",
    "asking_inside": "",
    "payload": "",
    "remote": "",
    "failing": "",
    "main": "",
    "output": "",
    "projects": "",
    "tables": "",
    "bodies": "",
    "not_built": "",
    "relying_party": "",
    "words": "",
    "vocabulary": "",
    "story_files": "",
    "skill_file": "",
    "knowledge": "",
    "knowledge_files": "",
    "schemas": "",
    "shipped": "",
    "story_items": "",
    "story_numbers": "",
    "import_parts": "",
    "sending": "",
    "left_out": "",
    "conversation": "",
    "wire": "",
    "application": "",
    "counts": "",
    "unreadable": "",
    "outcome": "",
    "log_cosign": "",
    "fork": "",
    "answers": "",
    "heads_file": "",
    "seen": "",
    "webhooks": "",
    "listening": "",
    "signatures": "",
    "receiving": "",
}
"""Modules of the API and the command that cut texts, and the reader that shows how; none for a command's own texts."""

CUTS = frozenset(
    {"split", "rsplit", "partition", "rpartition", "splitlines", "parse_qs", "parse_qsl", "unquote", "unquote_plus"}
    | {"unquote_to_bytes", "urlsplit", "urlparse", "accumulate", "finditer", "findall"}
)


def stem(source: Source) -> str:
    return source.name.rpartition("/")[2].removesuffix(".py")


def compiled(source: Source) -> Iterator[str]:
    """``module.NAME`` for each pattern, ``module:line`` for one that has no name and is not found by it."""
    tree = source.tree()
    named = {
        node.value: target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_re(node.func):
            yield f"{stem(source)}.{named[node]}" if node in named else f"{stem(source)}:{node.lineno}"


def _is_re(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "re"


def cuts(source: Source) -> bool:
    called = (node.func for node in ast.walk(source.tree()) if isinstance(node, ast.Call))
    return any((each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "")) in CUTS for each in called)


def read(reader: Callable[[bytes], object], text: bytes) -> None:
    """A refusal is an answer as well."""
    with suppress(Exception):
        reader(text)


def product(sources: Iterable[Source]) -> list[Source]:
    return [source for source in sources if source.package in PRODUCT]
