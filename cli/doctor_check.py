"""A thing that `aljibe doctor` looks at."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "look", "broken"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `broken` means that a run would fail."""

    name: str
    verdict: Verdict
    text: str
