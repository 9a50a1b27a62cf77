"""Signed notes: what others published opens, and nothing that differs from it does."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopctl.tlog.errors import TlogError
from loopctl.tlog.note import LARGEST_NOTE, MOST_LINES, Note, SignatureLine, parse_note
from loopctl.tlog.trust import open_note
from loopctl.tlog.vkey import VerifierKey, is_key_name, parse_vkey
from tests.loopctl.tlog.samples import LOG, ROOTS, SECOND, WITNESS, head, rejects, vectors

PUBLISHED = vectors("published-notes")["notes"]
LINE = "\N{EM DASH} a AAAAAAA=\n"
"""Five bytes: a key id and the shortest of signatures."""


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda each: each["source"])
def test_published_notes_open_under_each_of_their_keys(published: dict[str, Any]) -> None:
    note = parse_note(published["note"].encode())
    keys = [parse_vkey(vkey) for vkey in published["vkeys"]]
    assert note.encode().decode() == published["note"]
    assert [signature.key for signature in open_note(note, keys)] == keys
    for key in keys:
        assert [signature.key for signature in open_note(note, [key])] == [key]


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda each: each["source"])
def test_published_notes_do_not_open_after_a_change_of_the_text(published: dict[str, Any]) -> None:
    first = published["note"][0]
    changed = parse_note((chr(ord(first) ^ 1) + published["note"][1:]).encode())
    for vkey in published["vkeys"]:
        with rejects("signature_invalid"):
            open_note(changed, [parse_vkey(vkey)])


def test_a_line_of_an_unknown_key_is_ignored() -> None:
    note = _with(parse_note(head(1, ROOTS[1])), SignatureLine("stranger", b"1234", b"noise"))
    assert [signature.key for signature in open_note(note, [LOG.key])] == [LOG.key]


def test_a_key_of_the_same_name_and_another_id_is_unknown() -> None:
    with rejects("signature_missing"):
        open_note(parse_note(head(1, ROOTS[1])), [SECOND.key])


def test_a_known_key_whose_line_fails_spoils_the_note() -> None:
    """Beside a good line of another known key, before or after it, and beside a good line of its own."""
    note = parse_note(head(1, ROOTS[1]))
    for bad in (SignatureLine(WITNESS.key.name, WITNESS.key.key_id, bytes(72)), _forged(note.lines[0])):
        for lines in ((bad, *note.lines), (*note.lines, bad)):
            with pytest.raises(TlogError, match="signature line"):
                open_note(Note(note.text, lines), [LOG.key, WITNESS.key])


def test_two_keys_that_cannot_be_told_apart_are_refused() -> None:
    """A name and four bytes say whose line it is; with two such keys a line of one would spoil the other's."""
    note = parse_note(head(1, ROOTS[1]))
    twin = _Twin(LOG.key.name, LOG.key.type, WITNESS.key.public_key)
    with rejects("key_malformed"):
        open_note(note, [LOG.key, twin])
    assert len(open_note(note, [LOG.key, LOG.key])) == 1


def test_the_text_may_have_empty_lines_and_ends_at_the_last_one() -> None:
    note = parse_note(f"a\n\nb\n\n\n{LINE}".encode())
    assert note.text == b"a\n\nb\n\n"
    assert parse_note(note.encode()) == note


@pytest.mark.parametrize(
    "raw",
    [
        "", "\n", "\n\n", "text\n", "text\n\n", f"text\n{LINE}", f"text\n\n{LINE}"[:-1], f"\n{LINE}",
        f"text\n\n{LINE}\n",
        f"text\n\n {LINE}", f"text\n\n{LINE[1:]}", "text\n\n- a AAAAAAA=\n", "text\n\n\N{EM DASH}a AAAAAAA=\n",
        "text\n\n\N{EM DASH}  AAAAAAA=\n", "text\n\n\N{EM DASH} a  AAAAAAA=\n", "text\n\n\N{EM DASH} a AAAAAAA= \n",
        "text\n\n\N{EM DASH} a+b AAAAAAA=\n", "text\n\n\N{EM DASH} a\u00a0b AAAAAAA=\n", "text\n\n\N{EM DASH} a\n",
        f"te\txt\n\n{LINE}", f"text\r\n\n{LINE}", f"text\x00\n\n{LINE}", f"text\n\n{LINE}{LINE[:-1]}",
    ],
)  # fmt: skip # one note beside the other
def test_what_is_no_note_is_refused(raw: str) -> None:
    assert parse_note(f"text\n\n{LINE}".encode())
    with pytest.raises(TlogError) as refused:
        parse_note(raw.encode())
    assert refused.value.code in ("note_malformed", "malformed_base64")


@pytest.mark.parametrize("encoded", ["AAAAAAA", "AAAAAAB=", "AAAA-AA=", "AAAAAAA==", "AAAAAA=A", "AAAAAAé=", ""])
def test_base64_has_one_spelling(encoded: str) -> None:
    with pytest.raises(TlogError):
        parse_note(f"text\n\n\N{EM DASH} a {encoded}\n".encode())


def test_a_signature_has_at_least_one_byte_after_the_key_id() -> None:
    with rejects("note_malformed"):
        parse_note("text\n\n\N{EM DASH} a AAAAAA==\n".encode())


def test_bytes_that_are_no_text_are_refused() -> None:
    with rejects("note_malformed"):
        parse_note(b"te\xffxt\n\n" + LINE.encode())


def test_size_and_number_of_lines_are_limited() -> None:
    assert len(parse_note(f"text\n\n{LINE * MOST_LINES}".encode()).lines) == MOST_LINES
    with rejects("note_too_large"):
        parse_note(f"text\n\n{LINE * (MOST_LINES + 1)}".encode())
    padding = "x" * (LARGEST_NOTE - len(f"\n\n{LINE}".encode()))
    assert parse_note(f"{padding}\n\n{LINE}".encode())
    with rejects("note_too_large"):
        parse_note(f"{padding}x\n\n{LINE}".encode())


NAMES = st.text(min_size=1, max_size=20).filter(is_key_name)
LINES = st.builds(SignatureLine, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=80)


@given(
    st.builds(Note, TEXTS.map(lambda text: f"{text}\n".encode()), st.lists(LINES, min_size=1, max_size=5).map(tuple))
)
@settings(deadline=None)
def test_every_note_is_read_back(note: Note) -> None:
    assert parse_note(note.encode()) == note


def _with(note: Note, *lines: SignatureLine) -> Note:
    return Note(note.text, (*note.lines, *lines))


def _forged(line: SignatureLine) -> SignatureLine:
    return SignatureLine(line.name, line.key_id, bytes([line.signature[0] ^ 1]) + line.signature[1:])


class _Twin(VerifierKey, frozen=True):
    """A key with the id of another, as 2^32 attempts would find one."""

    @property
    def key_id(self) -> bytes:
        return LOG.key.key_id
