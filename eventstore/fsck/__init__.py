"""The log as the database has it, checked against itself: all of it, its newest part, or a slice after the other.

`reading` (what is stored), `stored` (the columns beside the bytes), `history` (links between an entity's entries),
`check` (in which order), `starting` (where it may begin), `repair` (what follows from the entries, made anew),
`watch` (what the background check remembers). The questions themselves are the offline verifier's (`loopctl.audit`).
"""
