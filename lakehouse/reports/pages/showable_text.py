"""Text that a page can show: no character of it is invisible, broken or turns what is around it."""

import re
from typing import Any

from markupsafe import Markup, escape

# What no font shows, and what UTF-8 cannot hold.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BREAK = Markup("_<wbr>")
_TURNS_TEXT = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def showable(value: Any) -> Any:
    """A text with a sign for each character that cannot be shown; anything else as it is."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return _UNSHOWABLE.sub("\ufffd", _TURNS_TEXT.sub("", value))


def breakable(text: str) -> Markup:
    """A technical name that a narrow cell may break behind each of its underscores."""
    return escape(showable(text)).replace("_", _BREAK)
