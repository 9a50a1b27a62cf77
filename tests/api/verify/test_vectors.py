"""The verifier of the browser gives the answers of the shared vectors, with the browser's own hashes and with ours."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.verify.browsing import PLAIN, SECURE, open_page, run
from tests.loopctl.tlog.samples import WORKED, vectors
from tests.loopctl.tlog.test_proof import OTHERS, TWELVE_BYTES
from tests.support.browser import Page

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ROOTS = """
  const leaves = await Promise.all(given.leaves.map((each) => hashing.leafHash(bytes.fromHex(each.data))));
  const roots = [];
  for (let size = 0; size <= leaves.length; size++) {
    const { frontier } = await tree.appendLeaves(tree.EMPTY, leaves.slice(0, size));
    roots.push(bytes.hex(await tree.rootOf(frontier)));
  }
  return { leaves: leaves.map(bytes.hex), roots };
"""
WORKED_PROOFS = """
  const hash = (size) => bytes.fromHex(size ? given.leaves[size - 1].root : given.empty_root);
  const leaf = (index) => bytes.fromHex(given.leaves[index].leaf);
  for (const { index, size, path } of given.inclusion) {
    await proof.checkInclusion(leaf(index), index, size, path.map(bytes.fromHex), hash(size));
  }
  for (const { old, new: newer, proof: hashes } of given.consistency) {
    await proof.checkConsistency(old, newer, hashes.map(bytes.fromHex), hash(old), hash(newer));
  }
  return given.inclusion.length + given.consistency.length;
"""
OTHER_PROOFS = """
  const answers = {};
  for (const each of given) {
    const hashes = (each.proof ?? []).map(unpacked);
    const [leaf, root, older, newer] =
      [each.leafHash, each.root, each.root1, each.root2].map((text) => unpacked(text ?? ""));
    answers[each.name] = await outcome(() => each.leafHash === undefined
      ? proof.checkConsistency(each.size1, each.size2, hashes, older, newer)
      : proof.checkInclusion(leaf, each.leafIdx, each.treeSize, hashes, root));
  }
  return answers;
"""
SIGNED = """
  const note7 = bytes.utf8(given.checkpoint_7.note);
  const log = await note.parseVkey(given.keys.log_vkey), witness = await note.parseVkey(given.keys.witness_vkey);
  const history = checkpoint.keyHistory([{ key: log, firstSize: 0, lastSize: null }]);
  const head = await checkpoint.openCheckpoint(note7, history, [witness]);
  const parsed = receipt.parseReceipt(bytes.utf8(given.receipt_2_in_7.text));
  const proven = await receipt.checkReceipt(parsed, bytes.fromHex(given.leaves[2].data), history, [witness]);
  const changed = given.checkpoint_7.note.replace("\\n7\\n", "\\n6\\n");
  const second = await note.parseVkey(given.keys.second_log_vkey);
  return {
    text: bytes.hex(await hashing.sha256(bytes.utf8(head.note.text))),
    ids: [log.keyId, witness.keyId],
    time: head.cosignatures[0].time,
    size: proven.checkpoint.size,
    changed: await outcome(() => checkpoint.openCheckpoint(bytes.utf8(changed), history, [witness])),
    anothers: await outcome(async () => checkpoint.openCheckpoint(note7, checkpoint.keyHistory(
      [{ key: second, firstSize: 0, lastSize: null }]))),
    entry: await outcome(() => receipt.checkReceipt(parsed, bytes.fromHex(given.leaves[3].data), history, [witness])),
    paths: given.tile_paths.map((each) => names.parseTilePath(each.path)),
  };
"""
NOTES = """
  const answers = [];
  for (const each of given) {
    const keys = await Promise.all(each.vkeys.map(note.parseVkey));
    const opened = note.parseNote(bytes.utf8(each.note));
    const spoilt = { ...opened, text: opened.text.replace(/[a-z]/, (letter) => (letter === "x" ? "y" : "x")) };
    answers.push([await outcome(() => note.openNote(opened, keys)), await outcome(() => note.openNote(spoilt, keys))]);
  }
  return answers;
"""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[tuple[Page, int]]:
    async with open_page() as opened:
        yield opened


@pytest.fixture(scope="module", params=[SECURE, PLAIN])
async def page(request: pytest.FixtureRequest, browser: tuple[Page, int]) -> Page:
    """From this machine, and as from another one without TLS, where browsers have no WebCrypto for pages."""
    opened, port = browser
    await opened.open(f"http://{request.param}:{port}/verify")
    assert await opened.evaluate("[isSecureContext, !!crypto.subtle]") == [request.param == SECURE] * 2
    return opened


async def test_leaf_hashes_and_roots_are_those_of_certificate_transparency(page: Page) -> None:
    found = await run(page, ROOTS, WORKED)
    assert found["leaves"] == [leaf["leaf"] for leaf in WORKED["leaves"]]
    assert found["roots"] == [WORKED["empty_root"], *(leaf["root"] for leaf in WORKED["leaves"])]


async def test_worked_proofs_are_accepted(page: Page) -> None:
    assert await run(page, WORKED_PROOFS, WORKED) == len(WORKED["inclusion"]) + len(WORKED["consistency"])


async def test_the_vectors_of_transparency_dev_are_judged_alike(page: Page) -> None:
    """All 196 of them; the one exception is that of `tests/loopctl/tlog/test_proof.py`."""
    answers = await run(page, OTHER_PROOFS, OTHERS)
    assert len(answers) == len(OTHERS)
    wrong = [each["name"] for each in OTHERS if (answers[each["name"]] is not None) != each["wantErr"]]
    assert wrong == [TWELVE_BYTES]
    assert answers[TWELVE_BYTES] == "hash_length"


async def test_a_signed_head_a_cosignature_a_receipt_and_paths_are_read_as_printed(page: Page) -> None:
    found: dict[str, Any] = await run(page, SIGNED, WORKED)
    assert found["text"] == WORKED["checkpoint_7"]["text_sha256"]
    assert found["ids"] == [WORKED["keys"]["log_key_id"], WORKED["keys"]["witness_key_id"]]
    assert (found["time"], found["size"]) == (1_679_315_147, 7)
    assert found["changed"] == "signature_invalid"
    assert found["anothers"] == "signature_missing"
    assert found["entry"] == "proof_invalid"
    for parsed, printed in zip(found["paths"], WORKED["tile_paths"], strict=True):
        assert (parsed["index"], parsed["width"]) == (printed["index"], printed["width"])


async def test_notes_that_others_have_published_open_with_their_keys_and_no_longer_when_changed(page: Page) -> None:
    """Of a note whose only known line is of a kind that browsers cannot check, that is said."""
    notes = vectors("published-notes")["notes"]
    answers = await run(page, NOTES, notes)
    assert len(answers) == len(notes)
    for each, (opened, spoilt) in zip(notes, answers, strict=True):
        unknown = "ML-DSA" in each["source"]
        assert opened == ("signature_missing" if unknown else None), each["source"]
        assert spoilt == ("signature_missing" if unknown else "signature_invalid"), each["source"]
