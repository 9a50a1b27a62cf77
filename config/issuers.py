"""Issuers of a CI's tokens as a setting, besides the two that everybody has."""

from typing import Literal

Kind = Literal["github", "gitlab"]
BUILT_IN: dict[str, Kind] = {
    "https://token.actions.githubusercontent.com": "github",
    "https://gitlab.com": "gitlab",
}


class Issuers:
    """``kinds`` are by the issuer's address, of those that the text names as well: ``github=URL`` or ``gitlab=URL``,
    separated by commas. Raises ValueError for anything else."""

    def __init__(self, text: str = "") -> None:
        self._text = text
        self.kinds: dict[str, Kind] = dict(BUILT_IN)
        for part in (each.strip() for each in text.split(",")):
            if not part:
                continue
            kind, _, address = part.partition("=")
            if kind not in ("github", "gitlab") or not address.startswith(("https://", "http://")):
                raise ValueError(f"{part[:80]!r} is not github=URL or gitlab=URL")
            if address.endswith("/") or "?" in address or "#" in address:
                raise ValueError(f"{address[:80]!r} must end without a slash, a query or a fragment")
            self.kinds[address] = "github" if kind == "github" else "gitlab"

    def __str__(self) -> str:
        return self._text
