"""Other tools' backlogs among the texts from outside: a file of theirs, or a line of it."""

from collections.abc import Mapping

from api.http.limits import LARGE_BODY_BYTES as IMPORT
from bench.growing import Repeated
from loopctl.exporters.markdown_folder import from_markdown
from loopctl.exporters.spreadsheet import from_csv
from loopctl.exporters.ticks import ticked
from loopctl.importers.csv_rows import table
from loopctl.importers.items import Problems, SourceFile
from loopctl.importers.markdown import boxes, front_matter, sections, without_comments
from tests.house.fed import Fed, Reader, fed

OF_A_FILE = 131_072
"""As far as it is looked at here: what is read line by line is slow enough to be measured by then."""

PATTERNS: Mapping[str, Fed] = {
    "markdown_folder.BOX": fed("fullmatch", IMPORT, "- [x] a \n", "- [ \n", "- [x] \t \n"),
    "markdown_folder.PLAIN": fed("fullmatch", IMPORT, "AC-1: a \n", "AC- 7 x", "AC-1: \t \n"),
    "markdown.BOX": fed("fullmatch", IMPORT, "- [x] a \n", " - \n", "- [x]   \n"),
    "markdown.HEADING": fed("fullmatch", IMPORT, "# a \n", "# \t \n", " # x"),
    "markdown.NUMBERED": fed("fullmatch", IMPORT, "#1 a \n", "# 7 x"),
    "markdown.MEMBER": fed("fullmatch", IMPORT, " a -", "a: \t \n", "a:a a \n"),
    "backlog_md.NAMED": fed("fullmatch", IMPORT, " a -", "a-1 .1 x", "a-1 - a \n"),
    "spec_kit.TASK": fed("fullmatch", IMPORT, "T1 \t \n", "T 7 \n", "T1 a \n", " * x"),
    "spec_kit.MARK": fed("fullmatch", IMPORT, "[P] \t \n", "[ a \n", "[P]a a \n", " [P] \n"),
    "spec_kit.PHASE": Fed(
        "fullmatch", IMPORT, (Repeated(b"Phase 1: ", b"\t", b"\n"), Repeated(b"Phase ", b"7", b"\n"))
    ),
    "github.WAITS": Fed(
        "finditer",
        IMPORT,
        (Repeated(b"blocked by ", b"#1, "), Repeated(b"", b"depends on "), Repeated(b"depends on: #", b"7", b"x")),
    ),
    "github.NUMBER": fed("findall", IMPORT, " # 7", "# 7 x", " #1 "),
    "github.OF_THE_API": fed("fullmatch", IMPORT, " a !", " _url !", "performed_via_ a \n"),
}

READERS: Mapping[str, Reader] = {
    "a project as Markdown": Reader(
        lambda text: from_markdown([SourceFile("epic-1/epic.md", f"---\nnumber: 1\n{text.decode()}")]),
        OF_A_FILE,
        (
            Repeated(b"", b"a: 1\n"),
            Repeated(b"---\n", b"- [x] a\n"),
            Repeated(b"---\n", b"- [ ] {\n"),
            Repeated(b"", b"---\n"),
            Repeated(b"---\n", b"## Description\n"),
        ),
    ),
    "a project as a spreadsheet": Reader(
        lambda text: from_csv(SourceFile("", text.decode())),
        OF_A_FILE,
        (
            Repeated(b"kind,number\n", b"epic,1\n"),
            Repeated(b"kind,number,epic\nepic,1\n", b"story,1.1,1\n"),
            Repeated(b"kind,number,depends_on\nepic,1,", b"1 ", b"\n"),
        ),
    ),
    "ticks in a list of tasks": Reader(
        lambda text: ticked("spec-kit", [SourceFile("specs/a/tasks.md", text.decode())], {"a/T001"}),
        OF_A_FILE,
        (Repeated(b"", b"- [ ] T001 a\n"), Repeated(b"", b"- [x] b\n"), Repeated(b"", b"# a\n")),
    ),
    "the front matter of a task": Reader(
        lambda text: front_matter(Problems(), "", f"---\n{text.decode()}\n---\n"),
        OF_A_FILE,
        (
            Repeated(b"", b"a: b\n"),
            Repeated(b"a: [", b"'b', ", b"]"),
            Repeated(b"a:\n", b"- b\n"),
            Repeated(b"a:\n", b" b\n"),
        ),
    ),
    "sections and boxes": Reader(
        lambda text: boxes([row for part in sections(text.decode().splitlines()) for row in part.lines]),
        OF_A_FILE,
        (Repeated(b"", b"# a\n"), Repeated(b"", b"- [x] a\n"), Repeated(b"", b"```\n"), Repeated(b"", b"#")),
    ),
    "comments of Markdown": Reader(
        lambda text: without_comments(text.decode()), OF_A_FILE, (Repeated(b"", b"<!--"), Repeated(b"", b"<!---->"))
    ),
    "a spreadsheet": Reader(
        lambda text: table(Problems(), SourceFile("", text.decode()), ("a",)),
        OF_A_FILE,
        (
            Repeated(b"a,b\n", b"1,2\n"),
            Repeated(b'a\n"', b"x", b'"'),
            Repeated(b'a\n"', b'""', b'"'),
            Repeated(b"a,", b"a,"),
        ),
    ),
}
