"""The log as bytes: hashes, proofs, signed heads, receipts, entries, keys. Pure: no clock, no network, no files.

From the inside out: `hashing`, `tree` and `plan` (what to hash), `proof` (what to check), `tile` (where hashes lie);
`vkey`, `note`, `checkpoint`, `cosignature`, `keys`, `signer`, `trust` (who signed); `canonical`, `entry`, `chain` (what
was logged); `receipt`, `witness`, `rotation` (what is handed out).
Whatever is wrong with foreign bytes is a `TlogError`.
"""
