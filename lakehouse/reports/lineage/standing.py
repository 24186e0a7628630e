"""How a node stands: statuses by badness, and the tone and mark that show one without colour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lakehouse.quality.build_results import Status
from lakehouse.quality.run_facts import LineageKind

PictureTone = Literal["ok", "warn", "bad", "skip", "none"]
Mark = Literal["✓", "!", "✗", "\u2013", ""]

_SHOWN: Mapping[Status | None, tuple[PictureTone, Mark]] = {
    "pass": ("ok", "✓"),
    "warn": ("warn", "!"),
    "fail": ("bad", "✗"),
    "error": ("bad", "✗"),
    "skipped": ("skip", "\u2013"),
    None: ("none", ""),
}


def tone_of(status: Status | None) -> PictureTone:
    """The colour class of a status."""
    return _SHOWN[status][0]


def mark_of(status: Status | None) -> Mark:
    """The sign that says the same as the colour."""
    return _SHOWN[status][1]


@dataclass(frozen=True)
class LineageWords:
    """The words in and below the picture, in one language.

    Attributes:
        kinds: word of each kind of node.
        statuses: word of each status.
        not_shown: what is said of folded nodes after their number.
        columns: heads of the table of nodes that do not pass: name, kind, status.
    """

    kinds: Mapping[LineageKind, str] = field(
        default_factory=lambda: {
            "source": "source",
            "seed": "seed",
            "model": "model",
            "snapshot": "snapshot",
            "exposure": "exposure",
            "published": "published",
        }
    )
    statuses: Mapping[Status, str] = field(
        default_factory=lambda: {
            "pass": "pass",
            "warn": "warn",
            "fail": "fail",
            "error": "error",
            "skipped": "skipped",
        }
    )
    not_shown: str = "not shown one by one"
    columns: tuple[str, str, str] = ("name", "kind", "status")

    def kind(self, kind: LineageKind) -> str:
        """Word of a kind; its English name without one."""
        return self.kinds.get(kind, kind)

    def status(self, status: Status) -> str:
        """Word of a status; its English name without one."""
        return self.statuses.get(status, status)
