"""Why a program of ours did not start."""


class StartRefused(Exception):
    """One sentence for a person, which says why and what to do. Starting again changes nothing until somebody has
    acted."""
