"""A witness cosigns what extends the head that it has cosigned before, and says of everything else why not."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from msgspec.structs import replace

from loopctl.tlog.checkpoint import Checkpoint, parse_checkpoint
from loopctl.tlog.note import parse_note
from loopctl.tlog.signer import Cosigner, LogSigner, sign_checkpoint
from loopctl.tlog.trust import open_note
from loopctl.tlog.witness import AddCheckpoint, origin_id
from loopctl.witness import answering
from loopctl.witness.answering import Answer, Witness, logs_of
from loopctl.witness.state import Cosigned, State, Turn
from tests.loopctl.tlog.samples import (
    COSIGNED_AT,
    LEAVES,
    LOG,
    ORIGIN,
    SECOND,
    WITNESS,
    WORKED,
    Reference,
    private_key,
    some_leaves,
)
from tests.loopctl.witness.histories import LONGEST, OTHER, PARTS_AT, TRUE, head, sent, witness_in

WORKED_TREE = Reference(LEAVES)


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return witness_in(tmp_path)


def size_seven(witness: Witness) -> None:
    assert witness.add_checkpoint(sent(0, PARTS_AT)).status == 200


def test_a_first_head_is_cosigned_with_the_time(witness: Witness) -> None:
    answer = witness.add_checkpoint(sent(0, 5))
    assert answer.status == 200
    note = parse_note(head(5).text() + b"\n" + answer.body)
    (signature,) = open_note(note, [WITNESS.key])
    assert signature.time == COSIGNED_AT


def test_the_dialogue_of_the_vectors(tmp_path: Path) -> None:
    """Ed25519 has one signature for each text, so the bytes must be the same."""
    witness = witness_in(tmp_path)
    assert witness.add_checkpoint(sent(0, 3, WORKED_TREE)).status == 200
    answer = witness.add_checkpoint(WORKED["add_checkpoint_3_to_7"]["body"].encode())
    assert (answer.status, answer.body.decode()) == (200, WORKED["checkpoint_7"]["note"].splitlines(keepends=True)[-1])


def test_a_later_head_of_the_same_history_is_cosigned_and_handed_out(witness: Witness) -> None:
    size_seven(witness)
    assert witness.add_checkpoint(sent(PARTS_AT, 12)).status == 200
    handed = witness.checkpoint(origin_id(ORIGIN))
    note = parse_note(handed.body)
    assert parse_checkpoint(note.text) == head(12)
    assert {line.key for line in open_note(note, [LOG.key, WITNESS.key])} == {LOG.key, WITNESS.key}


def test_the_same_head_again_gets_a_cosignature_of_now(tmp_path: Path) -> None:
    times = iter([COSIGNED_AT, COSIGNED_AT + 60])
    witness = witness_in(tmp_path, lambda: float(next(times)))
    size_seven(witness)
    again = witness.add_checkpoint(sent(PARTS_AT, PARTS_AT))
    (signature,) = open_note(parse_note(head(PARTS_AT).text() + b"\n" + again.body), [WITNESS.key])
    assert (again.status, signature.time) == (200, COSIGNED_AT + 60)


STRANGER = LogSigner("loopctl.example/t/other", private_key(0x10))
JUNK = (b"\1" * 32,)


def unproved(old: int, new: int, hashes: tuple[bytes, ...], history: Reference = TRUE) -> bytes:
    return AddCheckpoint(old, hashes, sign_checkpoint(head(new, history), [LOG]).encode()).encode()


EMPTY_WITH_A_ROOT = sign_checkpoint(Checkpoint(ORIGIN, 0, b"\1" * 32), [LOG]).encode()

REFUSED: Mapping[str, tuple[bytes, int]] = {
    "not add-checkpoint": (b"hello", 400),
    "a proof of 64 hashes": (unproved(PARTS_AT, 9, JUNK * 64), 400),
    "a note that is none": (AddCheckpoint(PARTS_AT, (), b"x").encode(), 400),
    "a log that it does not know": (sent(0, 9, signer=STRANGER), 404),
    "a key that it does not know": (sent(PARTS_AT, 9, signer=SECOND), 403),
    "a signature of another head": (sent(PARTS_AT, 9).replace(b"\n9\n", b"\n8\n"), 403),
    "an old size beyond the new one": (sent(9, 8), 400),
    "an old size that is not the last": (sent(5, 9), 409),
    "an old size that is beyond the last": (sent(9, 12), 409),
    "an old size of a witness that knows nothing": (sent(0, 9), 409),
    "another history": (sent(5, 9, OTHER).replace(b"old 5\n", b"old 7\n"), 422),
    "no proof": (unproved(PARTS_AT, 9, ()), 422),
    "another proof": (unproved(PARTS_AT, 9, JUNK), 422),
    "another root of the same size": (unproved(PARTS_AT, PARTS_AT, (), Reference(some_leaves(8)[1:])), 422),
    "a proof of nothing": (unproved(PARTS_AT, PARTS_AT, JUNK), 422),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_right_is_refused_and_changes_nothing(witness: Witness, name: str) -> None:
    size_seven(witness)
    before = witness.checkpoint(origin_id(ORIGIN))
    body, status = REFUSED[name]
    answer = witness.add_checkpoint(body)
    assert answer.status == status, answer.body
    assert answer.body.endswith(b"\n")
    assert witness.checkpoint(origin_id(ORIGIN)) == before


def test_a_conflict_says_the_size_that_was_cosigned_last(witness: Witness) -> None:
    size_seven(witness)
    assert witness.add_checkpoint(sent(5, 9)) == Answer(409, b"7\n", "text/x.tlog.size")


@pytest.mark.parametrize("body", [unproved(0, 5, JUNK), AddCheckpoint(0, (), EMPTY_WITH_A_ROOT).encode()])
def test_from_size_0_there_is_nothing_to_prove_and_only_one_root(witness: Witness, body: bytes) -> None:
    assert witness.add_checkpoint(body).status == 422


def test_of_a_log_of_which_nothing_was_cosigned_there_is_no_head(witness: Witness) -> None:
    assert witness.checkpoint(origin_id(ORIGIN)).status == 404
    assert witness.checkpoint("0" * 64).status == 404


def test_lines_of_others_are_not_handed_on(witness: Witness) -> None:
    note = sign_checkpoint(head(5), [LOG])
    stranger = Cosigner("stranger.example", private_key(0x10)).cosign(head(5), COSIGNED_AT)
    body = AddCheckpoint(0, (), replace(note, lines=(*note.lines, stranger)).encode()).encode()
    assert witness.add_checkpoint(body).status == 200
    assert {line.name for line in parse_note(witness.checkpoint(origin_id(ORIGIN)).body).lines} == {
        ORIGIN,
        WITNESS.key.name,
    }


def test_a_cosigners_key_is_no_log() -> None:
    with pytest.raises(ValueError, match="cosigner"):
        logs_of([WITNESS.key])


def at_once(witness: Witness, bodies: Sequence[bytes]) -> list[int]:
    answers: list[int] = []
    ready = threading.Barrier(len(bodies))

    def ask(body: bytes) -> None:
        ready.wait()
        answers.append(witness.add_checkpoint(body).status)

    threads = [threading.Thread(target=ask, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_two_histories_that_come_at_once_one_is_cosigned(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        witness = witness_in(tmp_path / str(number))
        size_seven(witness)
        assert sorted(at_once(witness, [sent(PARTS_AT, 9), sent(PARTS_AT, 9, OTHER)])) == [200, 409]


class SlowTurn(Turn):
    def last(self) -> Cosigned | None:
        found = super().last()
        time.sleep(0.05)
        return found


class Careless(State):
    """The control: a turn in which others do not wait."""

    @contextmanager
    def turn(self, origin: str) -> Iterator[Turn]:
        with self._open() as connection:
            yield SlowTurn(connection, origin)


def test_without_turns_both_would_be(tmp_path: Path) -> None:
    witness = Witness(WITNESS, {ORIGIN: [LOG.key]}, Careless(tmp_path), lambda: COSIGNED_AT)
    size_seven(witness)
    assert at_once(witness, [sent(PARTS_AT, 9), sent(PARTS_AT, 9, OTHER)]) == [200, 200]


class Histories(RuleBasedStateMachine):
    """Whatever it is sent of two histories in whatever order: all that it has cosigned is of one of them."""

    parted = 0
    """How often it had to choose between them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.witness = self.made(Path(self.folder.name))
        self.sizes = {TRUE: [0], OTHER: [0]}

    def made(self, directory: Path) -> Witness:
        return witness_in(directory)

    @rule(history=st.sampled_from([TRUE, OTHER]), old=st.integers(0, LONGEST), new=st.integers(0, LONGEST))
    def send(self, history: Reference, old: int, new: int) -> None:
        last = max(map(max, self.sizes.values()))
        answer = self.witness.add_checkpoint(sent(old, new, history) if new else unproved(old, 0, ()))
        if answer.status == 200:
            self.sizes[history].append(new)
            Histories.parted += new > PARTS_AT
            assert old == last <= new
            assert new <= PARTS_AT or max(self.sizes[OTHER if history is TRUE else TRUE]) <= PARTS_AT
        else:
            assert old != last or old > new or answer.status == 422

    @rule(history=st.sampled_from([TRUE, OTHER]), more=st.integers(0, 5))
    def send_what_is_next(self, history: Reference, more: int) -> None:
        last = max(map(max, self.sizes.values()))
        self.send(history, last, min(last + more, LONGEST))

    @rule()
    def start_again(self) -> None:
        self.witness = self.made(Path(self.folder.name))

    def teardown(self) -> None:
        self.folder.cleanup()


SETTINGS = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_it_never_cosigns_two_histories() -> None:
    Histories.parted = 0
    run_state_machine_as_test(Histories, settings=SETTINGS)
    assert Histories.parted > 10


def test_a_witness_that_believes_every_proof_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "check_extends", lambda *_: None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Histories, settings=SETTINGS)
