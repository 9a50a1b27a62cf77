"""The checker that asks tlog-scales, and the logs that tlog-scales writes for ours to read."""

from base64 import b64decode, b64encode
from pathlib import Path
from tempfile import TemporaryDirectory

from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Ed25519CosignatureVerifier, MLDSA44CosignatureSigner, PlainEd25519Signer, Vkey
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint, ConsistencyProof, InclusionProof
from tlog_scales.writer import TilesWriter

from interop.verdicts import Case, Head, check_fork, decoded, require, run, split_receipt


def check_checkpoint(case: Case) -> None:
    head = _opened(b64decode(case["note"]), case["keys"])
    require((head.origin, head.size, head.root_hash) == (case["origin"], case["size"], b64decode(case["root"])))


def check_cosignature(case: Case) -> None:
    key = Vkey.from_string(case["key"])
    head = Checkpoint.from_text(b64decode(case["note"]).decode())
    head.verify(key)
    (signature,) = (each for each in head.signatures if key.match(each))
    require(Ed25519CosignatureVerifier.get_timestamp(signature.payload) == case["time"])


def check_inclusion(case: Case) -> None:
    proof = InclusionProof(case["index"], case["size"], decoded(case["path"]))
    proof.check(b64decode(case["leaf"]), b64decode(case["root"]))


def check_consistency(case: Case) -> None:
    proof = ConsistencyProof(case["old"], case["new"], decoded(case["path"]))
    proof.check(b64decode(case["old_root"]), b64decode(case["new_root"]))


def check_receipt(case: Case) -> None:
    index, path, note = split_receipt(b64decode(case["receipt"]))
    head = _opened(note, case["keys"])
    InclusionProof(index, head.size, path).check(leaf_hash(b64decode(case["entry"])), head.root_hash)


def check_tiles(case: Case) -> None:
    """It believes its tiles; they are held to the root through a proof of every entry that is asked for."""
    reader = TilesReader(LocalBackend(Path(case["folder"])))
    reader.set_size(case["size"])
    root = b64decode(case["root"])
    require(reader.calculate_root_hash() == root)
    for position in case["positions"]:
        proof = reader.get_inclusion_proof(position, case["size"])
        proof.check(leaf_hash(reader.get_entry(position)), root)


def check_fork_proof(case: Case) -> None:
    def opened(note: bytes, keys: list[str]) -> Head:
        head = _opened(note, keys)
        return head.origin, head.size, head.root_hash

    def consistent(old: int, new: int, path: list[bytes], old_root: bytes, new_root: bytes) -> None:
        ConsistencyProof(old, new, path).check(old_root, new_root)

    check_fork(case, opened, consistent)


def _opened(note: bytes, keys: list[str]) -> Checkpoint:
    """By the rule for notes: every known key's line holds, and there is one."""
    head = Checkpoint.from_text(note.decode())
    known = [key for key in map(Vkey.from_string, keys) if any(map(key.match, head.signatures))]
    require(known != [])
    for key in known:
        head.verify(key)
    return head


def produce(asked: Case) -> Case:
    """Whole logs with heads by one key and an ML-DSA-44 cosigner, and all proofs of the first of them."""
    entries = decoded(asked["entries"])
    signer = PlainEd25519Signer(asked["origin"], b64decode(asked["seed"]))
    cosigner = MLDSA44CosignatureSigner(asked["cosigner"], b64decode(asked["seed"]))
    logs = []
    with TemporaryDirectory() as folder:
        for size in asked["sizes"]:
            writer = TilesWriter.create(Path(folder, str(size)), asked["origin"])
            for entry in entries[:size]:
                writer.add_leaf(entry)
            writer.commit([signer, cosigner])
            logs.append({"size": size, **_files(Path(folder, str(size)))})
        reader = TilesReader(LocalBackend(Path(folder, str(asked["proofs"]))))
        reader.set_size(asked["proofs"])
        return {
            "key": signer.vkey.serialize(),
            "cosigner": cosigner.vkey.serialize(),
            "logs": logs,
            **_proofs(reader, asked["proofs"]),
        }


def _files(folder: Path) -> Case:
    tiles = sorted(path for path in folder.joinpath("tile").rglob("*") if path.is_file())
    return {
        "note": b64encode(folder.joinpath("checkpoint").read_bytes()).decode(),
        "tiles": {path.relative_to(folder).as_posix(): b64encode(path.read_bytes()).decode() for path in tiles},
    }


def _proofs(reader: TilesReader, largest: int) -> Case:
    """In order of the tree's size."""
    sizes = range(1, largest + 1)
    inclusion = [_encoded(reader.get_inclusion_proof(index, size)) for size in sizes for index in range(size)]
    consistency = [_encoded(reader.get_consistency_proof(old, size)) for size in sizes for old in range(1, size + 1)]
    return {"inclusion": inclusion, "consistency": consistency}


def _encoded(proof: InclusionProof | ConsistencyProof) -> list[str]:
    return [b64encode(each).decode() for each in proof.node_hashes]


if __name__ == "__main__":
    run(
        {
            "checkpoint": check_checkpoint,
            "cosignature": check_cosignature,
            "inclusion": check_inclusion,
            "consistency": check_consistency,
            "receipt": check_receipt,
            "tiles": check_tiles,
            "fork": check_fork_proof,
        },
        produce,
    )
