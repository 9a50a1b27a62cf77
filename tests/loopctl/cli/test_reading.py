"""Input as people's machines make it is read, or refused in one line with its place: by every command that takes it."""

import codecs
import json
from pathlib import Path
from typing import Any

import pytest

from loopctl.audit.archive import tar_blocks
from loopctl.cli.reading import json_of, text_of
from tests.house.tree import sources
from tests.loopctl.cli.outside import environment, outside
from tests.loopctl.cli.shell import Shell
from tests.loopctl.cli.stub import Answer, stub

ID = "0193a2b4-0000-7000-8000-000000000001"
TITLE = "Żółć 漢字"
PAYLOAD = {"epics": [{"number": 1, "title": TITLE, "stories": [{"number": "1.1", "title": TITLE}]}]}
TEXT = json.dumps(PAYLOAD, ensure_ascii=False, indent=2)
GOOD = {
    "UTF-8": TEXT.encode(),
    "UTF-8 with a mark": codecs.BOM_UTF8 + TEXT.encode(),
    "UTF-16 of Windows": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "UTF-16 of the network": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-32": codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
    "lines of Windows": codecs.BOM_UTF8 + TEXT.replace("\n", "\r\n").encode(),
}
BAD = {
    "Latin-1": ('{"a":\n "caf\xe9"}'.encode("latin-1"), "line 2, column 6: byte 0xe9 is no UTF-8"),
    "half of UTF-16": (codecs.BOM_UTF16_LE + "{}".encode("utf-16-le")[:-1], "line 1, column 2"),
    "brackets": (b"[" * 100_000, "line 1, column 101: it is nested too deeply"),
    "objects": (b'{"a":' * 100_000, "nested too deeply"),
    "a comma too many": (b'{\n  "a": 1,\n}', "line 3, column 1"),
    "cut off": (b'{\n "a": ', "line 2, column 7: it ends too early"),
    "empty": (b"", "it is empty"),
    "blank": (b"\n\n", "it is empty"),
    "a number without end": (b'{"a": 1e999}', "number out of range"),
    "half of a pair": (b'"\\ud800"', "no JSON"),
    "a program": (bytes(range(128, 256)), "byte 0x80 is no UTF-8"),
    "NUL": (b"\0\0\0\0\0", "byte 0x00 is no UTF-32-BE"),
}
OBJECTS = (
    ("report", "2.1", "--artifact"), ("report", "2.1", "--token-usage"), ("verify", "2.1", "--summary", "s",
     "--review-type", "r", "--findings"), ("reject", "2.1", "--reason", "r", "--findings"),
    ("agent", "register", "--name", "a", "--metadata"), ("state", "save", "--project", ID, "--data"),
    ("api", "POST", "stories", "--data"),
)  # fmt: skip


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("how", ["file", "-", "directory"])
def test_an_import_reads_what_machines_make(alone: Shell, tmp_path: Path, content: bytes, how: str) -> None:
    """A mark was "no JSON: invalid character (byte 0)", and - an unknown option."""
    file = tmp_path / "epic_1_x" / "us_1.1.json"
    file.parent.mkdir()
    if how == "directory":
        content = _as(content, json.dumps({"id": "US-1.1", "title": TITLE}))
    file.write_bytes(content)
    place = {"file": str(file), "-": "-", "directory": str(tmp_path)}[how]
    said = outside("import", place, "--show", env=environment(tmp_path, "http://127.0.0.1:9"), said=content)
    assert said.code == 0, said.err
    assert json.loads(said.out)["epics"][0]["stories"][0]["title"] == TITLE


def _as(content: bytes, text: str) -> bytes:
    """Another text in the encoding of that one."""
    for mark, encoding in ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF16_LE, "utf-16-le"),
                           (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF8, "utf-8")):  # fmt: skip
        if content.startswith(mark):
            return mark + text.encode(encoding)
    return text.encode("utf-16-le" if content[1:2] == b"\0" else "utf-8")


@pytest.mark.parametrize(("content", "place"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("how", ["import", "directory", "api", "demo"])
def test_what_cannot_be_read_ends_with_2_and_says_where(
    alone: Shell, tmp_path: Path, content: bytes, place: str, how: str
) -> None:
    """A byte of Latin-1 and 100,000 brackets were tracebacks."""
    file = tmp_path / "epic_1" / "us_1.1.json"
    file.parent.mkdir()
    file.write_bytes(content)
    lines = {
        "import": ("import", str(file)), "directory": ("import", str(tmp_path)),
        "api": ("api", "POST", "x", "--data", f"@{file}"), "demo": ("demo", "--project", str(file)),
    }  # fmt: skip
    with stub(Answer(200)) as server:
        said = alone(*lines[how], "--server", server.address)
    assert (said.code, server.asked, len(said.err.splitlines())) == (2, [], 1)
    message = said.error()["error"]["message"]
    assert str(file) in message
    assert place in message


@pytest.mark.parametrize("arguments", OBJECTS, ids=" ".join)
@pytest.mark.parametrize("content", [GOOD["UTF-16 of Windows"], GOOD["lines of Windows"]], ids=["UTF-16", "CRLF"])
def test_every_object_is_read_from_files_and_standard_input(
    tmp_path: Path, arguments: tuple[str, ...], content: bytes
) -> None:
    (tmp_path / "object.json").write_bytes(content)
    for place in ("-", f"@{tmp_path / 'object.json'}"):
        with stub(Answer(404, {"error": {"code": "gone", "message": "It is asked"}})) as server:
            env = environment(tmp_path, server.address, LOOPCTL_PROJECT=ID)
            said = outside(*arguments, place, env=env, said=content)
        assert said.error()["error"]["message"] != "", said
        assert (said.code, len(server.asked) > 0) == (4, True), said


@pytest.mark.parametrize("arguments", OBJECTS, ids=" ".join)
def test_no_object_that_cannot_be_read_is_sent(alone: Shell, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "object.json").write_bytes(BAD["Latin-1"][0])
    with stub(Answer(200)) as server:
        said = alone(*arguments, f"@{tmp_path / 'object.json'}", "--server", server.address)
    assert (said.code, "line 2, column 6" in said.err, server.asked) == (2, True, [])


def test_a_byte_of_the_command_line_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with stub(Answer(200)) as server:
        env = environment(tmp_path, server.address)
        said = outside("reject", ID, "--reason", "caf\udce9", env=env)
    assert (said.code, len(said.err.splitlines()), server.asked) == (2, 1, [])


@pytest.mark.parametrize(
    "content", [b"lc_key\r\n", codecs.BOM_UTF8 + b"lc_key\n", "\ufefflc_key\r\n".encode("utf-16-le")]
)
def test_a_key_from_standard_input(tmp_path: Path, content: bytes) -> None:
    """PowerShell's pipes put a mark before it, which became a part of the key."""
    tenant = Answer(200, {"tenant": {"slug": "acme"}, "api_key": {"role": "user"}})
    with stub(tenant) as server:
        said = outside("auth", "login", "--server", server.address, env=environment(tmp_path, ""), said=content)
    assert said.code == 0, said.err
    assert json.loads((tmp_path / "config.json").read_bytes())["api_key"] == "lc_key"


def test_a_log_from_standard_input(tmp_path: Path) -> None:
    archive = b"".join(tar_blocks([]))
    said = outside("log", "verify", "-", "--json", env=environment(tmp_path, ""), said=archive)
    (tmp_path / "log.tar").write_bytes(archive)
    same = outside("log", "verify", str(tmp_path / "log.tar"), "--json", env=environment(tmp_path, ""))
    assert (said.code, said.out, said.err) == (same.code, same.out, same.err)


def test_places_are_those_that_editors_show() -> None:
    for text, place in (('{"é": x}', "line 1, column 7"), ('{\r\n"a": x}', "line 2, column 6")):
        with pytest.raises(Exception, match=place):
            json_of(text, "it")
    assert text_of("\ufeffä".encode("utf-16-be"), "it") == "ä"


def test_nothing_else_in_the_command_reads() -> None:
    """Went red when a command opened its file itself."""
    own = {"reading.py", "settings_file.py", "whole_file.py", "heads_file.py", "witness.py"}
    others = [source for source in sources(".py") if source.name.startswith("loopctl/cli/")]
    found = [
        source.name
        for source in others
        if source.name.rpartition("/")[2] not in own
        and any(
            word in source.text for word in (".read_bytes()", ".read_text(", "stdin.buffer", 'open("rb"', 'open("r"')
        )
    ]
    assert found == [f"loopctl/cli/demo/{name}.py" for name in ("command", "founding", "hands", "worker")], (
        "its own files"
    )


def exported(alone: Shell, *arguments: str, body: Any = None) -> Any:
    with stub(Answer(200, body or PAYLOAD)) as server:
        return alone("export", "--project", ID, *arguments, "--server", server.address)


def test_an_export_is_whole_under_its_name(alone: Shell, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    assert exported(alone, "--output", str(file)).code == 0
    assert json.loads(file.read_bytes()) == PAYLOAD
    assert exported(alone, "--output", "-").json() == PAYLOAD
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["export.json"]


def test_an_export_that_does_not_fit_leaves_what_was_there(tmp_path: Path) -> None:
    """Half of it stood under the final name."""
    file = tmp_path / "export.json"
    file.write_text("the old one")
    long = {"epics": [{"title": "x" * 100_000}]}
    with stub(Answer(200, long)) as server:
        env = environment(tmp_path, server.address)
        line = 'ulimit -f 8; exec "$@"'
        said = outside("export", "--project", ID, "--output", str(file), env=env, line=line)
    assert (said.code, len(said.err.splitlines()), file.read_text()) == (1, 1, "the old one")
    assert f"{file} cannot be written: File too large" in said.err
    assert [each.name for each in tmp_path.iterdir()] == ["export.json"]


@pytest.mark.parametrize("place", [".", "nowhere/export.json"])
def test_a_place_that_takes_no_file_is_said(alone: Shell, tmp_path: Path, place: str) -> None:
    said = exported(alone, "--output", str(tmp_path / place))
    assert (said.code, "cannot be written" in said.err, len(said.err.splitlines())) == (1, True, 1)
