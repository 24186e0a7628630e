"""strptime formats as the shape that a text must have.

DuckDB's own reading is looser: it takes year 24 for `%Y`, `infinity`, and white space.
"""

import re

_SHAPES = {
    "Y": "[1-9][0-9]{3}",
    "y": "[0-9]{2}",
    "f": "[0-9]{1,6}",
    "j": "[0-9]{1,3}",
    "z": "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)",
    "%": "%",
    **dict.fromkeys("dmHIMS", "[0-9]{1,2}"),
    **dict.fromkeys("aAbBp", r"\pL+"),
}
_SPECIFIER = re.compile(r"%(-?)(.)", re.DOTALL)


def date_pattern(date_format: str) -> str:
    """RE2 pattern of the texts that a strptime format describes.

    Years have four digits; days, months and times one or two.

    Args:
        date_format: with the specifiers of Python's strptime, or `%-d` and the like.
    """
    pattern, place = "", 0
    for specifier in _SPECIFIER.finditer(date_format):
        pattern += re.escape(date_format[place : specifier.start()])
        pattern += _SHAPES.get(specifier[2], ".+")
        place = specifier.end()
    return pattern + re.escape(date_format[place:])


def has_time(date_format: str) -> bool:
    """Whether the format has a time of day."""
    return any(specifier[2] in "HIMSf" for specifier in _SPECIFIER.finditer(date_format))


def has_offset(date_format: str) -> bool:
    """Whether the format has an offset from UTC."""
    return any(specifier[2] in "zZ" for specifier in _SPECIFIER.finditer(date_format))
