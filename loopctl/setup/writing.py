"""Puts a plan into its folder. What is ours is recorded first: of what then is not written, the record is no claim."""

from pathlib import Path

from loopctl.cli.whole_file import answer_file
from loopctl.setup.planning import Change, Plan
from loopctl.setup.record import RECORD, told


def carry_out(folder: Path, plan: Plan) -> None:
    """Raises OSError and Stop."""
    record = folder / RECORD
    if plan.record.pieces:
        _write(record, told(plan.record).decode())
    for change in plan.changes:
        _carry_out(folder / change.path, change)
    if not plan.record.pieces:
        record.unlink(missing_ok=True)
        _remove_empty(folder, [f"{Path(RECORD).parent.as_posix()}/", *plan.folders])


def _carry_out(file: Path, change: Change) -> None:
    if change.after is None:
        file.unlink()
        return
    _write(file, change.after)
    if change.executable:
        mode = file.stat().st_mode
        file.chmod(mode | (mode & 0o444) >> 2)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with answer_file(file) as opened:
        opened.write(text.encode())


def _remove_empty(folder: Path, made: list[str]) -> None:
    for path in sorted(made, key=len, reverse=True):
        place = folder / path
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
