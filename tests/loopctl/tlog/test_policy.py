"""Policy files: which cosignatures are enough, and what is no such file (C2SP tlog-policy)."""

import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from loopctl.tlog.checkpoint import make_checkpoint
from loopctl.tlog.errors import TlogError
from loopctl.tlog.keys import first_key
from loopctl.tlog.policy import LARGEST_POLICY, MOST, parse_policy
from loopctl.tlog.signer import Cosigner, LogSigner, sign_checkpoint
from loopctl.tlog.trust import Trust, open_checkpoint

LOG = LogSigner("loopctl.example/t/acme", Ed25519PrivateKey.from_private_bytes(bytes(32)))
NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
COSIGNERS = {
    name: Cosigner(f"{name.lower()}.example", Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))
    for number, name in enumerate(NAMES, start=1)
}
WITNESSES = "".join(f"witness {name} {each.key.text()}\n" for name, each in COSIGNERS.items())
EXAMPLE = f"""\
# The example of the specification.
log {LOG.key.text()}

{WITNESSES}
group X-witnesses 2 X1 X2 X3
group\tY-witnesses   any Y1 Y2 Y3 \t
group X-and-Y all X-witnesses Y-witnesses
  # indented
quorum X-and-Y
"""


def reached(text: str, *names: str) -> bool:
    return parse_policy(text.encode()).is_reached({COSIGNERS[name].key for name in names})


def test_nested_groups_count_as_the_specification_says_for_every_set_of_witnesses() -> None:
    policy = parse_policy(EXAMPLE.encode())
    for size in range(len(NAMES) + 1):
        for names in itertools.combinations(NAMES, size):
            x, y = (sum(name.startswith(letter) for name in names) for letter in "XY")
            keys = {COSIGNERS[name].key for name in names}
            assert policy.is_reached(keys) == (x >= 2 and y >= 1), names


@pytest.mark.parametrize(
    ("quorum", "enough", "too_few"),
    [
        ("quorum none\n", (), None),
        ("quorum X2\n", ("X2",), ("X1", "X3")),
        ("group g all X1 X2\nquorum g\n", ("X1", "X2"), ("X1",)),
        ("group g any X1 X2\nquorum g\n", ("X2",), ("Y1",)),
        ("group g 3 X1 X2 X3 Y1\nquorum g\n", ("X1", "X3", "Y1"), ("X1", "X3")),
        ("group g 1 X1\ngroup h 2 g X2 Y1\nquorum h\n", ("X1", "Y1"), ("X1", "X3")),
        ("group \xff any X1\nquorum \xff\n", ("X1",), ()),
    ],
)
def test_a_quorum_is_reached_by_enough_and_by_no_fewer(
    quorum: str, enough: tuple[str, ...], too_few: tuple[str, ...] | None
) -> None:
    assert reached(WITNESSES + quorum, *enough)
    assert too_few is None or not reached(WITNESSES + quorum, *too_few)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "policy"),
        (WITNESSES, "policy"),
        ("quorum none", "policy"),
        ("quorum none\r\n", "policy"),
        ("quorum none\x7f\n", "policy"),
        ("#" * LARGEST_POLICY + "\nquorum none\n", "policy"),
        ("quorum none\nquorum none\n", "line 2"),
        ("quorum X1\n" + WITNESSES, "line 1"),
        (WITNESSES + "quorum X9\n", "line 7"),
        ("quorum\n", "line 1"),
        ("quorum none none\n", "line 1"),
        ("Quorum none\n", "line 1"),
        (f"witness none {COSIGNERS['X1'].key.text()}\nquorum none\n", "line 1"),
        (f"witness A {COSIGNERS['X1'].key.text()}\nwitness A {COSIGNERS['X2'].key.text()}\nquorum A\n", "line 2"),
        (f"witness A {COSIGNERS['X1'].key.text()}\nwitness B {COSIGNERS['X1'].key.text()}\nquorum A\n", "line 2"),
        (f"witness A {LOG.key.text()}\nquorum A\n", "line 1"),
        ("witness A x\nquorum A\n", "line 1"),
        (f"witness A {COSIGNERS['X1'].key.text()} u v\nquorum A\n", "line 1"),
        (f"log {COSIGNERS['X1'].key.text()}\nquorum none\n", "line 1"),
        (f"log {LOG.key.text()}\nlog {LOG.key.text()}\nquorum none\n", "line 2"),
        ("log\nquorum none\n", "line 1"),
        (WITNESSES + "group g any\nquorum g\n", "line 7"),
        (WITNESSES + "group g 0 X1\nquorum g\n", "line 7"),
        (WITNESSES + "group g 2 X1\nquorum g\n", "line 7"),
        (WITNESSES + "group g 01 X1\nquorum g\n", "line 7"),
        (WITNESSES + "group g most X1\nquorum g\n", "line 7"),
        (WITNESSES + "group g any g\nquorum g\n", "line 7"),
        (WITNESSES + "group g any none\nquorum g\n", "line 7"),
        (WITNESSES + "group g any X1 X1\nquorum g\n", "line 7"),
        (WITNESSES + "group g any X1\ngroup h any X1\nquorum g\n", "line 8"),
        (WITNESSES + "group X1 any X2\nquorum X1\n", "line 7"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_line(text: str, place: str) -> None:
    with pytest.raises(TlogError) as error:
        parse_policy(text.encode("latin-1"))
    assert (error.value.code, error.value.place) == ("policy_malformed", place)


def test_a_chain_of_groups_may_be_as_long_as_the_limit_and_no_longer() -> None:
    def chain(length: int) -> str:
        groups = "".join(f"group g{number} any g{number - 1}\n" for number in range(1, length))
        return f"{WITNESSES}group g0 any X1\n{groups}quorum g{length - 1}\n"

    assert reached(chain(MOST), "X1")
    assert not reached(chain(MOST), "X2")
    with pytest.raises(TlogError):
        parse_policy(chain(MOST + 1).encode())


def test_a_head_is_believed_only_with_the_quorum_of_its_policy() -> None:
    head = make_checkpoint(LOG.key.name, 7, b"\1" * 32)
    policy = parse_policy(EXAMPLE.encode())
    trust = Trust(first_key(LOG.key), policy.cosigners, policy=policy)

    def signed(*names: str) -> bytes:
        note = sign_checkpoint(head, [LOG])
        lines = (*note.lines, *(COSIGNERS[name].cosign(head, 1) for name in names))
        return type(note)(note.text, lines).encode()

    assert open_checkpoint(signed("X1", "X3", "Y2"), trust).checkpoint == head
    for too_few in ((), ("X1", "Y1"), ("X1", "X2", "X3")):
        with pytest.raises(TlogError, match="the policy wants 2 of the 2 members of X-and-Y"):
            open_checkpoint(signed(*too_few), trust)
