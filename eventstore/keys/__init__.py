"""Secrets at rest, and whether they can be opened."""
