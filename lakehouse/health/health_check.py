"""One thing that was looked at, and what is in order about it."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "look", "broken"]
TROUBLE: tuple[Verdict, ...] = ("look", "broken")
WORST_FIRST: dict[Verdict, int] = {"broken": 0, "look": 1, "ok": 2}


@dataclass(frozen=True)
class HealthCheck:
    """What a look found.

    Attributes:
        kind: what was looked at, such as `disk`.
        subject: which one, such as a folder, a table or a domain.
        verdict: `look` if somebody should act in time, `broken` if runs fail or readers wait.
        text: what was found, in words that change with every look.
    """

    kind: str
    subject: str
    verdict: Verdict
    text: str

    @property
    def key(self) -> str:
        """The same for the same thing at every look."""
        return f"{self.kind}: {self.subject}"

    @property
    def in_trouble(self) -> bool:
        """Whether somebody should hear of it."""
        return self.verdict in TROUBLE
