"""OTLP's protobuf as OTLP's JSON, so that there is one way behind both (opentelemetry-proto 1.x: the members that are
looked at; of the others only the length is read).

Written out here, because a library that is made from .proto files would be a dependency of the service for fifty lines.
"""

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from api.http.refusal import Refused

Kind = Literal["text", "hex", "whole", "truth", "fixed", "double"]


class Field(Struct, frozen=True):
    """``of``: what its bytes are, or the members of a message."""

    name: str
    of: "Kind | Mapping[int, Field]"
    many: bool = False


Message = Mapping[int, Field]

VALUE: dict[int, Field] = {
    1: Field("stringValue", "text"),
    2: Field("boolValue", "truth"),
    3: Field("intValue", "whole"),
    4: Field("doubleValue", "double"),
}
ATTRIBUTES: Message = {1: Field("key", "text"), 2: Field("value", VALUE)}
RESOURCE: Message = {1: Field("attributes", ATTRIBUTES, many=True)}
TIMES: Message = {2: Field("startTimeUnixNano", "fixed"), 3: Field("timeUnixNano", "fixed")}
NUMBER_POINT: Message = {
    **TIMES, 4: Field("asDouble", "double"), 6: Field("asInt", "fixed"), 7: Field("attributes", ATTRIBUTES, many=True),
}  # fmt: skip
HISTOGRAM_POINT: Message = {
    **TIMES, 4: Field("count", "fixed"), 5: Field("sum", "double"), 9: Field("attributes", ATTRIBUTES, many=True),
}  # fmt: skip
EXPONENTIAL_POINT: Message = {
    **TIMES, 1: Field("attributes", ATTRIBUTES, many=True), 4: Field("count", "fixed"), 5: Field("sum", "double"),
}  # fmt: skip


def _points(message: Message) -> Message:
    return {1: Field("dataPoints", message, many=True), 2: Field("aggregationTemporality", "whole")}


METRIC: Message = {
    1: Field("name", "text"),
    3: Field("unit", "text"),
    7: Field("sum", _points(NUMBER_POINT)),
    9: Field("histogram", _points(HISTOGRAM_POINT)),
    10: Field("exponentialHistogram", _points(EXPONENTIAL_POINT)),
}
SPAN: Message = {
    1: Field("traceId", "hex"), 2: Field("spanId", "hex"), 5: Field("name", "text"),
    7: Field("startTimeUnixNano", "fixed"), 8: Field("endTimeUnixNano", "fixed"),
    9: Field("attributes", ATTRIBUTES, many=True),
}  # fmt: skip
METRICS: Message = {
    1: Field(
        "resourceMetrics",
        {1: Field("resource", RESOURCE), 2: Field("scopeMetrics", {2: Field("metrics", METRIC, many=True)}, many=True)},
        many=True,
    )
}
TRACES: Message = {
    1: Field(
        "resourceSpans",
        {1: Field("resource", RESOURCE), 2: Field("scopeSpans", {2: Field("spans", SPAN, many=True)}, many=True)},
        many=True,
    )
}
LOG_RECORD: Message = {
    1: Field("timeUnixNano", "fixed"), 5: Field("body", VALUE), 6: Field("attributes", ATTRIBUTES, many=True),
    12: Field("eventName", "text"),
}  # fmt: skip
LOGS: Message = {
    1: Field(
        "resourceLogs",
        {
            1: Field("resource", RESOURCE),
            2: Field("scopeLogs", {2: Field("logRecords", LOG_RECORD, many=True)}, many=True),
        },
        many=True,
    )
}


class Malformed(Exception):
    """These bytes are no message."""


def metrics_as_json(body: bytes) -> bytes:
    """Raises Refused."""
    return _as_json(METRICS, body)


def traces_as_json(body: bytes) -> bytes:
    """Raises Refused."""
    return _as_json(TRACES, body)


def logs_as_json(body: bytes) -> bytes:
    """Raises Refused."""
    return _as_json(LOGS, body)


def partial_success(rejected: int, why: str) -> bytes:
    """The answer of either service, as protobuf; empty when all was taken."""
    if not rejected:
        return b""
    text = why.encode()
    inner = b"\x08" + _varint(rejected) + b"\x12" + _varint(len(text)) + text
    return b"\x0a" + _varint(len(inner)) + inner


def _as_json(message: Message, body: bytes) -> bytes:
    try:
        return msgspec.json.encode(_read(message, memoryview(body)))
    except Malformed:
        raise Refused("bad_request", "Bad Request: the body is no OTLP request in protobuf") from None


def _read(message: Message, body: memoryview) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, wire, value in _fields(body):
        field = message.get(number)
        if field is None:
            continue
        read = _value(field, wire, value)
        if field.many:
            found.setdefault(field.name, []).append(read)
        else:
            found[field.name] = read
    return found


def _value(field: Field, wire: int, value: Any) -> Any:
    """Raises Malformed."""
    of = field.of
    if not isinstance(of, str):
        if wire != BYTES:
            raise Malformed
        return _read(of, value)
    if WIRES[of] != wire:
        raise Malformed
    return READERS[of](value)


def _double(value: memoryview) -> float | None:
    """JSON has no infinity."""
    (number,) = struct.unpack("<d", value)
    return number if math.isfinite(number) else None


def _fixed(value: memoryview) -> str:
    return str(int.from_bytes(value, "little", signed=True))


def _whole(value: int) -> str:
    return str(value - (1 << 64) if value >> 63 else value)


def _text(value: memoryview) -> str:
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise Malformed from None


VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5
WIRES: Mapping[Kind, int] = {
    "text": BYTES, "hex": BYTES, "whole": VARINT, "truth": VARINT, "fixed": EIGHT, "double": EIGHT,
}  # fmt: skip
READERS: Mapping[Kind, Callable[[Any], Any]] = {
    "text": _text, "hex": lambda value: value.hex(), "whole": _whole, "truth": bool, "fixed": _fixed, "double": _double,
}  # fmt: skip


def _fields(body: memoryview) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and value of each: a whole number, or its bytes."""
    place = 0
    while place < len(body):
        key, place = _read_varint(body, place)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise Malformed
        if wire == VARINT:
            value, place = _read_varint(body, place)
            yield number, wire, value
            continue
        if wire == BYTES:
            length, place = _read_varint(body, place)
        elif wire in (EIGHT, FOUR):
            length = 8 if wire == EIGHT else 4
        else:
            raise Malformed
        if length > len(body) - place:
            raise Malformed
        yield number, wire, body[place : place + length]
        place += length


def _read_varint(body: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(body):
            raise Malformed
        byte = body[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value & (1 << 64) - 1, place
    raise Malformed


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))
