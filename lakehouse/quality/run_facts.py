"""Everything a report says of one run, as values that survive JSON; nothing is read or worded here.

`report.json` beside the pages is exactly this. Values of masked columns are bullets already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter

from lakehouse.quality.build_results import BuildResults, NodeResult, Status
from lakehouse.quality.failing_rows import FailingRows
from lakehouse.quality.receipt import Receipt
from lakehouse.quality.source_faults import RefusedFile, RefusedRow, SourceFault

Change = Literal["NEW", "STILL", "FIXED", "NOT CHECKED"]
Arrival = Literal["loaded", "unchanged", "late", "quarantined", "never"]
PublishOutcome = Literal["published", "unchanged", "refused", "not run"]
LineageKind = Literal["source", "seed", "model", "snapshot", "exposure", "published"]
UNOWNED = "unowned"


@dataclass(frozen=True)
class RunPoint:
    """One earlier run of a node.

    Attributes:
        failing_rows: rows that failed the test; 0 where it passed, None where it did not run.
        rows: rows of the model after that run, where counted.
        bytes: its size on disk, where known.
    """

    at: datetime
    status: Status
    failing_rows: int | None = None
    rows: int | None = None
    seconds: float = 0.0
    bytes: int | None = None


@dataclass(frozen=True)
class Incident:
    """A time during which a test did not pass.

    Attributes:
        worst_rows: most rows that failed it on one run; None if it never could run.
    """

    opened_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    status: Status
    worst_rows: int | None = None

    def days(self, now: datetime) -> int:
        """Whole days from the first failure to its end, or to now."""
        return max(0, ((self.resolved_at or now) - self.opened_at).days)


@dataclass(frozen=True)
class WarnBudget:
    """How much of a warning is borne before it stops a publication.

    Attributes:
        rows: most failing rows.
        share: most failing rows as a share of the model's rows, 0 to 1.
        days: most whole days that the test may stay open.
    """

    rows: int | None = None
    share: float | None = None
    days: int | None = None


@dataclass(frozen=True)
class BudgetBreach:
    """A limit of a budget that was passed: what was found, and what is allowed."""

    limit: Literal["rows", "share", "days"]
    found: float
    allowed: float


@dataclass(frozen=True)
class TestState:
    """How a test stands in the failure ledger.

    Attributes:
        change: what became of it since the last run; None if it was and is in order.
        since: first failure of the incident that is open.
        incidents: the newest ten, newest first, the open one included.
        rows_fixed: rows that failed during the open incident and do not any more.
    """

    __test__ = False

    change: Change | None = None
    since: datetime | None = None
    incidents: tuple[Incident, ...] = ()
    rows_fixed: int = 0
    budget: WarnBudget | None = None
    breach: BudgetBreach | None = None


@dataclass(frozen=True)
class ModelFacts:
    """A model, seed or snapshot after the build.

    Attributes:
        schema: its schema in the warehouse, without a target prefix.
        rows: rows of a table; None for views and what was not built.
        rows_before: at the build before.
        bytes: blocks of the DuckDB file that hold it; None for views.
        published: whether readers get it.
    """

    unique_id: str
    name: str
    resource_type: str
    schema: str
    status: Status
    seconds: float
    rows: int | None = None
    rows_before: int | None = None
    bytes: int | None = None
    group: str | None = None
    description: str = ""
    published: bool = False


@dataclass(frozen=True)
class SourceFacts:
    """A table of a source: what came, and whether it is fresh.

    Attributes:
        name: `source.table`.
        arrival: `loaded` in this run, `unchanged` since an earlier one, `late` for its freshness,
            `quarantined` (newest delivery refused) or `never`.
        status: of its freshness: pass, warn, fail, or error where it could not be judged; None
            where none is declared.
        arrived_at: newest load, UTC.
        rows: rows of the newest load.
        rows_before: rows of the load before that.
        files: names of the newest files that were loaded, at most five.
        refused_files: what is in quarantine, the newest first, at most five.
        refused_rows: refused rows of this run's deliveries, at most twenty of a table.
        faults: open errors that keep something of it from being loaded, oldest first.
        warn_after_hours: age from which it is late; `error_after_hours` from which that is a fail.
    """

    unique_id: str
    name: str
    arrival: Arrival
    status: Status | None = None
    arrived_at: datetime | None = None
    age_hours: float | None = None
    warn_after_hours: float | None = None
    error_after_hours: float | None = None
    rows: int | None = None
    rows_before: int | None = None
    delivered: int = 0
    loaded: int = 0
    rejected: int = 0
    known: int = 0
    files: tuple[str, ...] = ()
    refused_files: tuple[RefusedFile, ...] = ()
    refused_rows: tuple[RefusedRow, ...] = ()
    faults: tuple[SourceFault, ...] = ()
    group: str | None = None


@dataclass(frozen=True)
class GroupFacts:
    """A dbt group and its owner; `UNOWNED` gathers what has no group.

    Attributes:
        owner: the owner's name; the group's own where none is given.
        language: `es`, `pt`, `en` or another; reports fall back to English.
        nodes: ids of its models, seeds, snapshots, sources, tests and unit tests.
        notify: the notification block that reaches the owner; None for the one of all.
    """

    name: str
    owner: str
    description: str = ""
    email: str | None = None
    language: str | None = None
    nodes: tuple[str, ...] = ()
    notify: str | None = None


@dataclass(frozen=True)
class LineageNode:
    """A box of the lineage picture.

    Attributes:
        kind: source, seed, model, snapshot, exposure or published (a table that readers get).
        status: the worst of the node and of its tests in the last result; None if not run.
    """

    id: str
    name: str
    kind: LineageKind
    status: Status | None = None
    group: str | None = None


@dataclass(frozen=True)
class Lineage:
    """Sources, models and published tables, and who reads whom: `(parent, child)`."""

    nodes: tuple[LineageNode, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class PublishFacts:
    """What became of the publication.

    Attributes:
        tables: rows of each published table, `schema.table`.
        before: rows at the publication before.
        message: why it was refused, else empty.
        at: when readers got what they see now, UTC.
    """

    outcome: PublishOutcome
    tables: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[str, int] = field(default_factory=dict)
    message: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class RunLink:
    """The flow run; `url` leads to it in Prefect's UI, if there is one."""

    name: str | None = None
    id: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class RunFacts:
    """One run of a domain, or of any dbt project.

    Attributes:
        results: every node of the build, tests and source freshness included.
        failing_rows: by unique id of the test.
        tests: state of every test, by unique id.
        history: last 30 runs of every node, oldest first, this one included.
        receipts: tables that people check the run against, by name.
        not_checked: names of tests that were open and that this build left out.
        findings: what else was noticed, such as quarantined files.
        skipped_build_of: when the build ran whose results these are, if nothing was new.
        stopped: why this run ended before it built anything; results, tests and sources are then
            those of the build before, if there was one. Empty for a run that built.
        catalog: file name of the data catalog beside the pages, if there is one.
        language: of the pages over the whole domain.
    """

    domain: str
    started_at: datetime
    results: BuildResults
    run: RunLink = RunLink()
    skipped_build_of: datetime | None = None
    failing_rows: Mapping[str, FailingRows] = field(default_factory=dict)
    tests: Mapping[str, TestState] = field(default_factory=dict)
    history: Mapping[str, tuple[RunPoint, ...]] = field(default_factory=dict)
    models: tuple[ModelFacts, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    sources: tuple[SourceFacts, ...] = ()
    groups: tuple[GroupFacts, ...] = ()
    lineage: Lineage = Lineage()
    not_checked: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    publish: PublishFacts = PublishFacts("not run")
    stopped: str = ""
    catalog: str | None = None
    language: str = "en"

    @classmethod
    def without_a_build(cls, domain: str, at: datetime, language: str) -> "RunFacts":
        """Facts of a domain of which no build was ever reported."""
        nothing = BuildResults((), "", at, 0.0, "")
        return cls(domain=domain, started_at=at, results=nothing, language=language)

    def state(self, unique_id: str) -> TestState:
        """State of a test; an empty one if nothing is known."""
        return self.tests.get(unique_id, TestState())

    def changed(self, change: Change) -> list[NodeResult]:
        """Tests that are new, still open, fixed or not checked."""
        return [test for test in self.results.tests if self.state(test.unique_id).change == change]

    @property
    def breaches(self) -> list[NodeResult]:
        """Tests that warn beyond their budget: because of them nothing may be published."""
        return [
            test for test in self.results.warnings if self.state(test.unique_id).breach is not None
        ]

    @property
    def row_totals(self) -> dict[str, int]:
        """Whole rows that fail, by unique id of the test, where they were read."""
        return {key: rows.total for key, rows in self.failing_rows.items() if rows.total}


_ADAPTER = TypeAdapter(RunFacts)


def facts_to_json(facts: RunFacts) -> bytes:
    """The facts as JSON, indented."""
    return _ADAPTER.dump_json(facts, indent=1)


def facts_from_json(content: bytes) -> RunFacts:
    """Facts from what `facts_to_json` wrote.

    Raises:
        ValueError: the content is not that.
    """
    return _ADAPTER.validate_json(content)
