"""Why the worker did not start."""


class StartRefused(Exception):
    """One sentence for a person. Starting again changes nothing until somebody has acted."""
