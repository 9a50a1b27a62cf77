"""Which files may be applied to what is recorded: numbers, order, checksums, phases."""

import pytest
from msgspec import structs

from migrations.errors import ChecksumChanged, DuplicateNumber, MigrationError, Misnamed, OutOfOrder, SchemaNewer
from migrations.files import MIGRATIONS, Migration, Phase, RecordedFile, chosen, load, pending
from migrations.ledger import compare
from tests.migrations.folder import Folder


def migration(number: int, phase: str = "pre", sql: str = "SELECT 1;\n") -> Migration:
    return Migration(number, f"step_{number}", phase, f"sum of {sql}", sql)


def recorded(*migrations: Migration) -> list[RecordedFile]:
    return [RecordedFile(each.number, each.name, each.phase, each.checksum) for each in migrations]


ONE, TWO, THREE = migration(1), migration(2), migration(3)
CONTRACT = migration(3, "post")


def test_our_own_files_are_in_order_without_a_gap() -> None:
    assert [file.number for file in load(MIGRATIONS)] == list(range(1, len(load(MIGRATIONS)) + 1))


def test_files_are_read_in_the_order_of_their_numbers(folder: Folder) -> None:
    folder.write({"0010_later.post.sql": "SELECT 10", "0002_sooner.pre.sql": "SELECT 2"})
    files = load(folder.path)
    assert [(file.number, file.name, file.phase, file.sql) for file in files] == [
        (2, "sooner", "pre", "SELECT 2"),
        (10, "later", "post", "SELECT 10"),
    ]


def test_two_files_of_one_number_are_refused_whatever_their_phase(folder: Folder) -> None:
    folder.write({"0002_one.pre.sql": "", "0002_other.post.sql": ""})
    with pytest.raises(
        DuplicateNumber, match=r"0002_other.post.sql and 0002_one.pre.sql|0002_one.pre.sql and 0002_other"
    ):
        load(folder.path)


@pytest.mark.parametrize("name", ["1_short.pre.sql", "0001_no_phase.sql", "0001.pre.sql", "0000_zero.pre.sql", "x.sql"])
def test_a_misnamed_file_is_refused(folder: Folder, name: str) -> None:
    folder.write({name: ""})
    with pytest.raises(Misnamed, match=name):
        load(folder.path)


def test_what_is_not_recorded_is_pending() -> None:
    assert pending([ONE, TWO, THREE], recorded(ONE)) == [TWO, THREE]


def test_a_changed_file_is_refused() -> None:
    for changed in (migration(1, sql="SELECT 2;\n"), migration(1, phase="post"), structs.replace(ONE, name="renamed")):
        with pytest.raises(ChecksumChanged, match=changed.file_name):
            pending([changed, TWO], recorded(ONE))


def test_a_new_file_before_an_applied_one_is_refused() -> None:
    with pytest.raises(OutOfOrder, match=r"0002_step_2.pre.sql was added before number 0003"):
        pending([ONE, TWO, THREE], recorded(ONE, THREE))


@pytest.mark.parametrize("known", [[ONE], [ONE, THREE]])
def test_a_recorded_number_without_a_file_is_a_newer_schema(known: list[Migration]) -> None:
    with pytest.raises(SchemaNewer, match="0002"):
        pending(known, recorded(ONE, TWO))


@pytest.mark.parametrize(
    ("phase", "waiting", "expected"),
    [
        ("all", [TWO, CONTRACT], [TWO, CONTRACT]),
        ("pre", [TWO, CONTRACT], [TWO]),
        ("post", [CONTRACT], [CONTRACT]),
        ("pre", [CONTRACT], []),
        ("post", [TWO], []),
        ("pre", [], []),
    ],
)
def test_a_phase_takes_its_own_files(phase: Phase, waiting: list[Migration], expected: list[Migration]) -> None:
    assert chosen(waiting, phase) == expected


@pytest.mark.parametrize(
    ("phase", "waiting"),
    [("post", [TWO, CONTRACT]), ("pre", [CONTRACT, migration(4)]), ("pre", [TWO, CONTRACT, migration(4)])],
)
def test_a_phase_does_not_overtake_the_other(phase: Phase, waiting: list[Migration]) -> None:
    with pytest.raises(OutOfOrder, match="first"):
        chosen(waiting, phase)


@pytest.mark.parametrize(
    ("files", "applied", "state", "serves"),
    [
        ([ONE, TWO], [ONE, TWO], "current", True),
        ([ONE, TWO], [ONE], "behind", False),
        ([ONE, TWO], [], "behind", False),
        ([ONE, TWO, CONTRACT], [ONE, TWO], "behind", True),  # the new code, before the old one is gone
        ([ONE], [ONE, TWO], "newer", True),  # the old code, on what the new one has expanded
        ([ONE, TWO], [ONE, TWO, CONTRACT], "newer", False),
        ([ONE, CONTRACT], [ONE, TWO], "newer", False),
    ],
)
def test_code_runs_on_what_is_expanded_and_not_on_what_is_contracted(
    files: list[Migration], applied: list[Migration], state: str, serves: bool
) -> None:
    found = compare(files, recorded(*applied))
    assert (found.state, found.serves) == (state, serves)
    assert bool(found.sentence) == (state != "current")


def test_a_process_does_not_start_on_a_changed_file_either() -> None:
    with pytest.raises(ChecksumChanged):
        compare([migration(1, sql="SELECT 2;\n")], recorded(ONE))


@pytest.mark.parametrize(
    ("files", "applied"),
    [([migration(1, sql="x")], [ONE]), ([ONE, TWO, THREE], [ONE, THREE]), ([ONE], [ONE, TWO])],
)
def test_every_refusal_is_one_sentence(files: list[Migration], applied: list[Migration]) -> None:
    with pytest.raises(MigrationError, match=r"^[^\n]+\.$"):
        pending(files, recorded(*applied))
