"""One JSON record, parsed strictly (RFC 8259), its numbers as they were written."""

import re
from collections.abc import Iterable
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

import simplejson
from simplejson import RawJSON

from lakehouse.formats.json.lines import MAX_RECORD_BYTES
from lakehouse.formats.json.structure import MAX_DEPTH, StructureScan

_EXPONENT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,4}")
_MOST_INT_DIGITS = 4_000
_MOST_DIGITS = 40
_LITERALS = {None: "null", True: "true", False: "false"}


class RecordUnfit(Exception):
    """A text is no record of its table; says why without its values."""


class _Doubled(RawJSON):
    """An object in which a key comes twice, as JSON with both."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(_object_text(pairs))
        keys = [key for key, _ in pairs]
        self.key = next(key for key in keys if keys.count(key) > 1)


def read_record(line: bytes) -> dict[str, Any]:
    """Parse one record.

    Args:
        line: UTF-8 text of an object.

    Returns:
        Its keys and values: text, int, `RawJSON` for reals, bool, None, list, dict.

    Raises:
        RecordUnfit: it is no JSON object, holds a key twice or what no Unicode text can, or is
            larger or deeper than records are.
    """
    if len(line) > MAX_RECORD_BYTES:
        raise RecordUnfit(f"it is longer than {MAX_RECORD_BYTES >> 20} MiB")
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH:
        scan = StructureScan()
        scan.feed(line)
        if scan.deepest > MAX_DEPTH:
            raise RecordUnfit(f"it is nested more than {MAX_DEPTH} levels deep")
    record = _parsed(line)
    if isinstance(record, _Doubled):
        raise RecordUnfit(f"the key {record.key} comes twice")
    if not isinstance(record, dict):
        raise RecordUnfit("it is no object with keys and values")
    return record


def _parsed(line: bytes) -> Any:
    try:
        text = line.decode("utf-8")
        value = _DECODER.decode(text)
        if "\\u" in text:
            _json_text(value).encode()
    except UnicodeDecodeError:
        raise RecordUnfit("it holds bytes that are not UTF-8") from None
    except UnicodeEncodeError:
        raise RecordUnfit("it holds half of a surrogate pair, which is no text") from None
    except simplejson.JSONDecodeError as error:
        raise RecordUnfit(f"it is no JSON: {error.msg}, at character {error.pos + 1}") from None
    return value


def value_at(record: dict[str, Any], steps: tuple[str, ...]) -> Any:
    """The value below these keys of a record; None where a key is missing.

    Raises:
        RecordUnfit: an object on the way has a key twice.
    """
    value: Any = record
    for step in steps:
        if isinstance(value, _Doubled):
            raise RecordUnfit(f"the key {value.key} comes twice")
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def has_path(record: dict[str, Any], steps: tuple[str, ...]) -> bool:
    """Whether a record has these keys below each other; errors as `value_at`."""
    above = value_at(record, steps[:-1])
    value_at(record, steps)
    return isinstance(above, dict) and steps[-1] in above


def text_of(value: Any) -> str | None:
    """A value as a cell: text as it is, all else as compact JSON; None for null."""
    return value if value is None or type(value) is str else _json_text(value)


def without_exponent(text: str | None) -> str | None:
    """A number such as `1.5e-7` in plain digits, other texts as they are."""
    if text is None or not _EXPONENT.fullmatch(text):
        return text
    number = Decimal(text)
    return format(number, "f") if abs(number.adjusted()) <= _MOST_DIGITS else text


def _json_text(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is int:
        return str(value)
    if kind is dict:
        return _object_text(value.items())
    if kind is list:
        return f"[{','.join([_json_text(item) for item in value])}]"
    return _LITERALS[value] if value is None or kind is bool else str(value.encoded_json)


def _object_text(members: Iterable[tuple[str, Any]]) -> str:
    pairs = [f"{encode_basestring(key)}:{_json_text(value)}" for key, value in members]
    return f"{{{','.join(pairs)}}}"


def _object(pairs: list[tuple[str, Any]]) -> Any:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Doubled(pairs)


def _integer(text: str) -> int | RawJSON:
    # Python converts no more digits than 4300.
    return int(text) if len(text) < _MOST_INT_DIGITS else RawJSON(text)


def _no_number(name: str) -> Any:
    raise RecordUnfit(f"it is no JSON: {name} is not a number")


_DECODER = simplejson.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=RawJSON,
    parse_int=_integer,
    parse_constant=_no_number,
    allow_nan=True,
)
