"""What a dbt build came to, node by node, as typed values that can be stored as JSON.

Reading dbt's files is done in `dbt_results`; how results are shown, in `lakehouse.reports`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from lakehouse.errors import DbtCouldNotRun

Status = Literal["pass", "warn", "fail", "error", "skipped"]
Verdict = Literal["passed", "warned", "failed"]

STATUSES: tuple[Status, ...] = ("pass", "warn", "fail", "error", "skipped")
WORST_FIRST: tuple[Status, ...] = ("fail", "error", "warn", "skipped", "pass")
_MOST_NAMES = 3


@dataclass(frozen=True)
class NodeResult:
    """The result of one node of a build.

    Attributes:
        severity: `error` or `warn`; None where the node is no test.
        failures: what the test counted, in units of `failure_unit`; None if it did not run.
        failure_unit: what one failure is: `row`, `value` (unique, accepted_values), `difference`
            (unit tests) or `result` (a test with a `fail_calc` of its own).
        message: dbt's message, without values of masked columns.
        seconds: time the node took.
        rows: rows in or written to the model, where known.
        bytes: of the DuckDB file that hold the model, where known.
        model: name of the tested model, seed, snapshot or `source.table`.
        test_kind: name of the generic test, `singular` or `unit_test`; None if it is no test.
        language: language of the owner, such as `es`.
        fix: what to do about a failure, for each language.
        path: file that declares the node, relative to the dbt project.
        compiled_code: SQL of a test as it ran.
        blocked_by: names of the tests and models because of which the node was skipped.
    """

    unique_id: str
    name: str
    resource_type: str
    status: Status
    severity: str | None = None
    failures: int | None = None
    failure_unit: str = "row"
    message: str | None = None
    seconds: float = 0.0
    rows: int | None = None
    bytes: int | None = None
    relation_name: str | None = None
    model: str | None = None
    column: str | None = None
    test_kind: str | None = None
    description: str = ""
    owner: str | None = None
    language: str | None = None
    fix: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    compiled_code: str | None = None
    blocked_by: tuple[str, ...] = ()

    @property
    def is_test(self) -> bool:
        """Whether the node is a data test or a unit test."""
        return self.resource_type in ("test", "unit_test")

    @property
    def is_check(self) -> bool:
        """Whether it tells if data are good: a test, or the freshness of a source."""
        return self.is_test or self.resource_type == "source"

    @property
    def label(self) -> str:
        """A name that is unique in its project: unit tests of two models may share theirs."""
        return f"{self.model}::{self.name}" if self.test_kind == "unit_test" else self.name

    def count_text(self, traced_rows: int | None = None) -> str:
        """How much failed, such as `2 rows`; empty where nothing was counted.

        Args:
            traced_rows: whole rows that fail, where they were read; dbt's `unique` counts values.
        """
        count, unit = self.failures, self.failure_unit
        if traced_rows is not None:
            count, unit = traced_rows, "row"
        return counted(count, unit) if count and unit != "difference" else ""


@dataclass(frozen=True)
class BuildResults:
    """All results of one dbt build.

    Attributes:
        generated_at: end of the build, UTC.
        elapsed_seconds: time of the whole build.
    """

    nodes: tuple[NodeResult, ...]
    invocation_id: str
    generated_at: datetime
    elapsed_seconds: float
    dbt_version: str

    @property
    def tests(self) -> tuple[NodeResult, ...]:
        """Data tests and unit tests, without the freshness of sources."""
        return tuple(node for node in self.nodes if node.is_test)

    @property
    def checks(self) -> tuple[NodeResult, ...]:
        """Tests, and the freshness of sources."""
        return tuple(node for node in self.nodes if node.is_check)

    @property
    def models(self) -> tuple[NodeResult, ...]:
        """What builds a relation: models, seeds and snapshots."""
        return tuple(
            node for node in self.nodes if node.resource_type in ("model", "seed", "snapshot")
        )

    @property
    def counts(self) -> dict[Status, int]:
        """Number of nodes in each of the five statuses."""
        found = Counter(node.status for node in self.nodes)
        return {status: found[status] for status in STATUSES}

    @property
    def blocking(self) -> list[NodeResult]:
        """Nodes that failed or could not run: because of them nothing may be published."""
        return [node for node in self.nodes if node.status in ("fail", "error")]

    @property
    def warnings(self) -> list[NodeResult]:
        """Nodes that warn."""
        return [node for node in self.nodes if node.status == "warn"]

    @property
    def skipped(self) -> list[NodeResult]:
        """Nodes that dbt left out because of others."""
        return [node for node in self.nodes if node.status == "skipped"]

    @property
    def verdict(self) -> Verdict:
        """`failed` if anything failed, could not run or was left out; else `warned` or `passed`."""
        if self.blocking or self.skipped:
            return "failed"
        return "warned" if self.warnings else "passed"

    def headline(self, failing_rows: Mapping[str, int] | None = None) -> str:
        """One line that names what is wrong.

        Args:
            failing_rows: number of whole rows that fail, by unique id, where they were read.
        """
        rows = failing_rows or {}
        tests = [node for node in self.nodes if node.is_check]
        others = [node for node in self.nodes if not node.is_check]
        parts: list[str] = []
        for status, verb in (("fail", "fail"), ("error", "could not run"), ("warn", "warn")):
            found = [node for node in tests if node.status == status]
            if found:
                does = f"{verb}s" if len(found) == 1 and status != "error" else verb
                parts.append(f"{_share(found, tests, 'test')} {does}: {_named(found, rows)}")
        broken = [node for node in others if node.status in ("fail", "error")]
        if broken:
            noun = "model" if all(node in self.models for node in broken) else "node"
            all_of_them = self.models if noun == "model" else others
            parts.insert(
                0, f"{_share(broken, all_of_them, noun)} could not be built: {_named(broken, rows)}"
            )
        if self.skipped:
            parts.append(f"{counted(len(self.skipped), 'node')} skipped")
        if parts:
            return "; ".join(parts)
        built = f"{counted(len(self.models), 'model')} built"
        return f"{built}, {counted(len(tests), 'test')} passed" if tests else f"{built}, no tests"

    def to_dict(self) -> dict[str, Any]:
        """The results as JSON types only."""
        return {**asdict(self), "generated_at": self.generated_at.isoformat()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "BuildResults":
        """Results from what `to_dict` gave, also after a way through JSON.

        Raises:
            DbtCouldNotRun: what was stored is not a build's results.
        """
        try:
            nodes = tuple(
                NodeResult(**{**node, "blocked_by": tuple(node["blocked_by"])})
                for node in stored["nodes"]
            )
            generated_at = datetime.fromisoformat(stored["generated_at"])
            return cls(**{**stored, "nodes": nodes, "generated_at": generated_at})
        except (KeyError, TypeError, ValueError) as error:
            raise DbtCouldNotRun(
                f"The stored results of the last build cannot be read ({error!r}). "
                "Run the build again, so that they are written anew."
            ) from None


def counted(count: int | None, noun: str) -> str:
    """A number with its noun, such as `1 row` or `1,204 rows`."""
    return f"{count or 0:,} {noun}{'' if count == 1 else 's'}"


def worst(statuses: Iterable[Status | None]) -> Status | None:
    """The worst of some statuses; None if nothing was run."""
    found = [status for status in statuses if status]
    return min(found, key=WORST_FIRST.index, default=None)


def worst_first(nodes: tuple[NodeResult, ...] | list[NodeResult]) -> list[NodeResult]:
    """Nodes ordered by how bad they are, then by how much fails, then by name."""
    rank = {status: at for at, status in enumerate(WORST_FIRST)}
    return sorted(
        nodes,
        key=lambda node: (rank[node.status], -(node.failures or 0), node.name, node.unique_id),
    )


def _share(part: list[NodeResult], whole: Any, noun: str) -> str:
    return f"{len(part):,} of {counted(len(whole), noun)}"


def _named(nodes: list[NodeResult], rows: Mapping[str, int]) -> str:
    shown = []
    for node in worst_first(nodes)[:_MOST_NAMES]:
        count = node.count_text(rows.get(node.unique_id))
        shown.append(f"{node.name} ({count})" if count else node.name)
    more = len(nodes) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
