"""The offline check of a whole log, for outsiders: from the bytes of an export to a verdict. No network.

`names` and `keys_file` (what an export consists of; docs/log-bundle.md is the text of it), `export` (writing one),
`archive`, `directory` and `source` (where one is read from); `members`, `entries`, `links`, `payloads`, `digests`,
`heads`, `tiles` (what is checked), `verifier` (in which order), `report`; `fsck` (rebuilding what is derived),
`receipts`.
"""
