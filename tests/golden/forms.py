"""The stored bytes of every event type, one file for each tag; written once, only ever added to."""

import json
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, inspect

from domain.event import Event
from domain.events import EVENTS, UPCASTERS
from eventstore.log.codec import Codec
from tests.golden.samples import Size, sample

FOLDER = Path(__file__).parent
SIZES: tuple[Size, ...] = ("least", "most")

State = Literal["new", "current", "grown", "broken"]
"""``grown`` has gained fields with a default since: old bytes are read as before, new ones are written differently."""


class Form(Struct, frozen=True):
    """``data`` as it stands in entries; ``event`` what it is read as, with all fields that it had at the time."""

    size: Size
    data: str
    event: dict[str, Any]


class Verdict(Struct, frozen=True):
    state: State
    problem: str = ""


def codec_of(*kinds: type[Event]) -> Codec:
    return Codec(kinds, {tag: upcast for tag, upcast in UPCASTERS.items() if tag in {kind.TAG for kind in kinds}})


CODEC = codec_of(*EVENTS)


def file_of(tag: str) -> Path:
    return FOLDER / f"{tag}.json"


def stored(tag: str) -> list[Form]:
    """In the order in which they came to be."""
    path = file_of(tag)
    return msgspec.json.decode(path.read_bytes(), type=list[Form]) if path.exists() else []


def made(kind: type[Event], codec: Codec = CODEC) -> list[Form]:
    """As the code of today writes its examples."""
    examples = [(size, bytes(codec.encode(sample(kind, size)))) for size in SIZES]
    return [Form(size, data.decode(), _plain(codec.read(kind.TAG, data))) for size, data in examples]


def written(forms: list[Form]) -> str:
    """In ASCII, so that no editor can change it unseen."""
    return "[\n" + ",\n".join(json.dumps(msgspec.to_builtins(form)) for form in forms) + "\n]\n"


def judge(kind: type[Event], forms: list[Form], codec: Codec = CODEC) -> Verdict:
    if not forms:
        return Verdict("new", f"{kind.TAG} has no stored bytes")
    state: State = "current"
    for form in forms:
        try:
            event = codec.read(kind.TAG, form.data.encode())
        except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
            return Verdict("broken", f"{form.data} is no longer read: {error}")
        if not _holds(_plain(event), form.event):
            return Verdict("broken", f"{form.data} is read as another event: {event}")
    for form in forms[-len(SIZES) :]:
        now = bytes(codec.encode(codec.read(kind.TAG, form.data.encode())))
        if now != form.data.encode():
            if not _holds(json.loads(now), json.loads(form.data)):
                return Verdict("broken", f"what was written as {form.data} is now written as {now.decode()}")
            state = "grown"
    if set(_plain(sample(kind, "most"))) - set(forms[-1].event):
        state = "grown"  # by a field that is left out of what does not say it
    changed = _changed_defaults(kind, forms)
    if changed:
        return Verdict("broken", f"{kind.TAG} has other defaults than before, and old entries rest on them: {changed}")
    return Verdict(state, f"{kind.TAG} has gained fields" if state == "grown" else "")


def _changed_defaults(kind: type[Event], forms: list[Form]) -> list[str]:
    """The newest least form holds every default, for only required fields were given."""
    least = [form for form in forms if form.size == "least"][-1].event
    now = _plain(sample(kind, "least"))
    fields = inspect.type_info(kind).fields  # type: ignore[attr-defined]  # of a Struct it is a StructType
    optional = {field.encode_name for field in fields if not field.required}
    return sorted(name for name in optional & set(least) if least[name] != now[name])


def _plain(event: Event) -> dict[str, Any]:
    """As JSON has it."""
    plain: dict[str, Any] = json.loads(msgspec.json.encode(event))
    return plain


def _holds(new: Any, old: Any) -> bool:
    """Everything of the old is in the new; objects may have more members."""
    if isinstance(new, dict) and isinstance(old, dict):
        return all(key in new and _holds(new[key], value) for key, value in old.items())
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(_holds, new, old))
    return bool(new == old and type(new) is type(old))
