"""The one error of the log formats."""

from typing import Literal

Code = Literal[
    "bundle_malformed",
    "checkpoint_malformed",
    "cosignature_malformed",
    "cosignatures_missing",
    "empty_root",
    "entry_bytes",
    "entry_link",
    "entry_malformed",
    "entry_not_canonical",
    "entry_position",
    "entry_too_large",
    "frontier_malformed",
    "hash_length",
    "heads_differ",
    "json_not_canonical",
    "json_too_deep",
    "json_unrepresentable",
    "key_malformed",
    "key_retired",
    "key_weak",
    "leaf_hash",
    "malformed_base64",
    "malformed_number",
    "note_malformed",
    "note_too_large",
    "origin_mismatch",
    "policy_malformed",
    "proof_invalid",
    "receipt_malformed",
    "rotation_invalid",
    "rotation_malformed",
    "signature_invalid",
    "signature_missing",
    "size_out_of_range",
    "tile_malformed",
    "witness_malformed",
]


class TlogError(Exception):
    """Bytes, a proof or a signature that must not be believed.

    ``code`` is for machines, ``place`` says where (``line 2``, ``entry 4711``), the text is for people. None of the
    three ever holds the foreign bytes themselves.
    """

    def __init__(self, code: Code, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.code: Code = code
        self.place = place
        self.problem = problem

    def inside(self, whole: str) -> "TlogError":
        """The same finding, its place now told as a part of ``whole``."""
        return TlogError(self.code, f"{whole}, {self.place}", self.problem)
