"""What changed between two builds: tests that are new, still open, fixed, or not checked."""

from dataclasses import dataclass
from typing import Literal

from lakehouse.quality.build_results import BuildResults, NodeResult, worst_first

Change = Literal["NEW", "STILL", "FIXED", "NOT CHECKED"]

_OPEN = ("warn", "fail", "error")


@dataclass(frozen=True)
class BuildChanges:
    """Tests by what became of them.

    Attributes:
        new: open now, not open before.
        still: open before and now.
        fixed: open before, pass now.
        unchecked: open before, and skipped or absent now, so that nobody knows.
    """

    new: tuple[NodeResult, ...] = ()
    still: tuple[NodeResult, ...] = ()
    fixed: tuple[NodeResult, ...] = ()
    unchecked: tuple[NodeResult, ...] = ()

    def of(self, unique_id: str) -> Change | None:
        """What became of one test; None if it was and is in order."""
        named: tuple[tuple[Change, tuple[NodeResult, ...]], ...] = (
            ("NEW", self.new),
            ("STILL", self.still),
            ("FIXED", self.fixed),
            ("NOT CHECKED", self.unchecked),
        )
        for change, tests in named:
            if any(test.unique_id == unique_id for test in tests):
                return change
        return None


def compare_builds(previous: BuildResults, current: BuildResults) -> BuildChanges:
    """Compare the tests of a build with those of the build before it."""
    open_before = {test.unique_id: test for test in previous.tests if test.status in _OPEN}
    now = {test.unique_id: test for test in current.tests}
    open_now = [test for test in current.tests if test.status in _OPEN]
    fixed = [test for test in current.tests if test.status == "pass"]
    unchecked = [
        now.get(unique_id, test)
        for unique_id, test in open_before.items()
        if unique_id not in now or now[unique_id].status == "skipped"
    ]
    return BuildChanges(
        new=tuple(worst_first([test for test in open_now if test.unique_id not in open_before])),
        still=tuple(worst_first([test for test in open_now if test.unique_id in open_before])),
        fixed=tuple(worst_first([test for test in fixed if test.unique_id in open_before])),
        unchecked=tuple(worst_first(unchecked)),
    )
