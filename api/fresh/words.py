"""What a request does, in words, for the person who is to confirm it."""

PHRASES = (
    ("DELETE", "projects/*", "Delete the project {0}"),
    ("DELETE", "epics/*", "Delete the epic {0} and everything in it"),
    ("DELETE", "stories/*", "Delete the story {0}"),
    ("POST", "api_keys", "Make an API key"),
    ("POST", "api_keys/*/rotate", "Replace the API key {0} by a new one"),
    ("PATCH", "tenants/me", "Change the settings of the tenant"),
    ("POST", "dispatches", "Make a dispatch that stands for you, with a key of its own"),
    ("POST", "dispatches/*/revoke", "End the dispatch {0} and everything below it"),
    ("POST", "tenants/me/authenticators", "Enrol another security key"),
    ("DELETE", "tenants/me/authenticators/*", "Remove the security key {0}"),
    ("POST", "tenants/*/rotate-audit-key", "Change the key that signs the tenant's log"),
    ("POST", "tenants/*/bootstrap-audit-key", "Give the tenant's log its first key"),
    ("POST", "audit/entries/*/erase", "Erase the texts of entry {0} of the log"),
    ("POST", "tenants/me/clear-halt", "End the halt of the tenant's custody"),
)
"""Method, path after /api/v1/ with ``*`` for what stands in it, and the sentence."""


def words_of(method: str, path: str) -> str:
    """The request itself where there is no sentence for it."""
    parts = path.partition("?")[0].removeprefix("/api/v1/").split("/")
    for known, shape, sentence in PHRASES:
        wanted = shape.split("/")
        if known == method and len(wanted) == len(parts):
            named = [part for part, want in zip(parts, wanted, strict=True) if want == "*"]
            if all(want in ("*", part) for part, want in zip(parts, wanted, strict=True)):
                return sentence.format(*named)
    return f"{method} {path}"
