"""The one way in which `up` says no."""


class Refusal(Exception):
    """`up` cannot go on; the message is one sentence that says why and what to do."""
