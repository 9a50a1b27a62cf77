"""Whose security keys are taken, as settings: certificates of makers, and models by their AAGUID."""

from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates


class MakerRoots:
    """``certificates`` are those of the PEM file that the text names. Raises ValueError when there is none in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        try:
            found = load_pem_x509_certificates(Path(text).read_bytes())
        except OSError as error:
            raise ValueError(f"it cannot be read: {error.strerror}") from None
        except ValueError:
            raise ValueError("it is no file of PEM certificates") from None
        self.certificates = tuple(each.public_bytes(Encoding.PEM) for each in found)

    def __str__(self) -> str:
        return self._text


class Models:
    """``aaguids`` are what the text names, separated by commas. Raises ValueError for anything else."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.aaguids = frozenset(str(UUID(part.strip())) for part in text.split(",") if part.strip())

    def __str__(self) -> str:
        return self._text
