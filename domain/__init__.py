"""Decisions. Pure: no clock, no randomness, no I/O, nothing of ours imported but this package."""
