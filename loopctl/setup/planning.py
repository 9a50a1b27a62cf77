"""What a run of setup would change: everything is decided before the first file is written."""

from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path

from msgspec import Struct

from loopctl.setup.pieces import File, Foreign, Piece
from loopctl.setup.record import Record

NOTHING = ("", "{}", "[]")
"""What a file that we have made holds when everything of ours is out again."""


class Change(Struct, frozen=True):
    """``after`` is None for a file that goes."""

    path: str
    what: str
    after: str | None
    executable: bool = False


class Plan(Struct, frozen=True):
    changes: Sequence[Change]
    kept: Sequence[str]
    """Pieces of ours that somebody has changed by hand: they stay."""
    record: Record
    folders: Sequence[str] = ()
    """Of which nothing is known any more, and that were made by an earlier run."""


def planned(folder: Path, wanted: Sequence[Piece], recorded: Record) -> Plan:
    """Raises Foreign."""
    texts = _Texts(folder)
    new = {piece.key: piece for piece in wanted}
    objects = {*recorded.objects}
    pieces: list[Piece] = []
    kept: list[str] = []
    for old in recorded.pieces:
        there, again = old.there(texts[old.path]), new.get(old.key)
        if there is not None and there not in (old, again and again.mark()):
            kept.append(old.key)
            pieces += [old] if new.pop(old.key, None) else []
        elif there is not None and again is None:
            texts[old.path] = old.take(texts[old.path], {way for path, way in objects if path == old.path})
        elif there is not None and again is not None:
            texts[old.path] = again.put(texts[old.path]) if there != again.mark() else texts[old.path]
            pieces.append(new.pop(old.key).mark())
    for piece in new.values():
        there = piece.there(texts[piece.path])
        if there is None:
            objects |= {(piece.path, way) for way in piece.makes(texts[piece.path])}
            texts[piece.path] = piece.put(texts[piece.path])
            pieces.append(piece.mark())
        elif there != piece.mark():
            raise Foreign(piece.path, f"{_named(piece)} is there already, and not from loopctl setup")
    paths = {piece.path for piece in pieces}
    objects = {each for each in objects if each[0] in paths}
    made = {*recorded.made, *(path for new in texts.changed() for path in texts.to_be_made(new))}
    changes = [_change(path, texts, made, _executable(wanted)) for path in sorted(texts.changed())]
    gone = {change.path for change in changes if change.after is None}
    folders = [path for path in made if path.endswith("/")]
    return Plan(changes, kept, Record(pieces=pieces, made=sorted(made - gone), objects=sorted(objects)), folders)


def _executable(wanted: Sequence[Piece]) -> set[str]:
    return {piece.path for piece in wanted if isinstance(piece, File) and piece.executable}


def _change(path: str, texts: "_Texts", made: set[str], executable: set[str]) -> Change:
    after: str | None = texts[path]
    if path in made and (after or "").strip() in NOTHING:
        after = None
    what = "created" if not texts.was_there(path) else "removed" if after is None else "changed"
    return Change(path, what, after, path in executable)


def _named(piece: Piece) -> str:
    return piece.key.removeprefix(piece.path).strip() or "the file"


class _Texts(MutableMapping[str, str]):
    """The files of the folder as they are to be. Two names of one file are one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._before: dict[str, str | None] = {}
        self._after: dict[str, str] = {}

    def __getitem__(self, path: str) -> str:
        place = self._place(path)
        if place not in self._before:
            self._before[place] = self._read(place)
        return self._after.get(place, self._before[place] or "")

    def __setitem__(self, path: str, text: str) -> None:
        self._after[self._place(path)] = text

    def __delitem__(self, path: str) -> None:
        del self._after[self._place(path)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._after)

    def __len__(self) -> int:
        return len(self._after)

    def changed(self) -> Sequence[str]:
        return [path for path, text in self._after.items() if text != (self._before[path] or "")]

    def was_there(self, path: str) -> bool:
        return self._before.get(path) is not None

    def to_be_made(self, path: str) -> Iterator[str]:
        """The file and its folders, as far as they are not there; a folder ends in a slash."""
        if self._before[path] is None:
            yield path
        parents = [parent.as_posix() for parent in Path(path).parents if parent != Path()]
        yield from (f"{parent}/" for parent in parents if not (self._folder / parent).exists())

    def _place(self, path: str) -> str:
        place = (self._folder / path).resolve()
        if not place.is_relative_to(self._folder):
            raise Foreign(path, "it is a link that leads out of the folder")
        return place.relative_to(self._folder).as_posix()

    def _read(self, path: str) -> str | None:
        try:
            return (self._folder / path).read_bytes().decode()
        except FileNotFoundError:
            return None
        except (UnicodeDecodeError, OSError) as error:
            problem = (
                "it is no text in UTF-8" if isinstance(error, ValueError) else error.strerror or "it cannot be read"
            )
            raise Foreign(path, problem) from None
