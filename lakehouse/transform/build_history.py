"""Builds and their results in the audit database: what was built last, and how each node stands."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import Engine, Row, bindparam, func, insert, select, update

from lakehouse.lake.audit_schema import builds, node_results
from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.incidents import record_incidents
from lakehouse.quality.run_facts import RunPoint, SourceFacts

BuildStatus = Literal["running", "passed", "warned", "failed", "unfinished", "by hand"]
_GOOD = ("passed", "warned")
_BROKEN = ("fail", "error", "skipped")
RUNS_SHOWN = 30


@dataclass(frozen=True)
class BuildRecord:
    """One build of a domain; `invocation_id` joins it to dbt's own files."""

    build_id: str
    domain: str
    fingerprint: str
    status: BuildStatus
    invocation_id: str | None
    run_id: str | None
    started_at: datetime
    ended_at: datetime | None

    @property
    def is_good(self) -> bool:
        """Whether it ended without an error."""
        return self.status in _GOOD


@dataclass(frozen=True)
class NodeStanding:
    """How a node stands: the status of its newest result, and what failed it."""

    name: str
    status: str
    failing_rows: int | None


class BuildHistory:
    """Reads and writes of builds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(
        self,
        domain: str,
        fingerprint: str,
        *,
        run_id: str | None,
        status: BuildStatus = "running",
    ) -> str:
        """Record that the warehouse is about to change; returns the build's id."""
        build_id = uuid4().hex
        values = {
            "build_id": build_id,
            "domain": domain,
            "fingerprint": fingerprint,
            "status": status,
            "run_id": run_id,
            "started_at": datetime.now(UTC),
        }
        with self._engine.begin() as connection:
            connection.execute(insert(builds).values(**values))
        return build_id

    def finish(
        self,
        build_id: str,
        status: BuildStatus,
        results: BuildResults | None,
        *,
        known: Collection[str] | None = None,
        sources: Sequence[SourceFacts] = (),
        left_out: Mapping[str, str] | None = None,
    ) -> None:
        """Record the end of a build: every node's result, and the incidents of its tests.

        Args:
            build_id: the build.
            status: how it ended.
            results: of every node, freshness of sources included; None if dbt left none.
            known: ids that the project still has.
            sources: tables of sources, whose rows are kept beside those of the models.
            left_out: names of tests that a build of a part could not run yet, by unique id; they
                stand as skipped until they run.
        """
        now = datetime.now(UTC)
        with self._engine.begin() as connection:
            domain: str = connection.execute(
                update(builds)
                .where(builds.c.build_id == build_id)
                .values(
                    status=status,
                    ended_at=now,
                    invocation_id=results.invocation_id if results else None,
                )
                .returning(builds.c.domain)
            ).scalar_one()
            if results is None:
                return
            rows = [_node_row(build_id, node) for node in results.nodes]
            rows += _source_rows(build_id, sources, rows)
            rows += [
                _node_row(build_id, NodeResult(unique_id, name, "test", "skipped"))
                for unique_id, name in (left_out or {}).items()
            ]
            if rows:
                connection.execute(insert(node_results), rows)
            record_incidents(connection, domain, build_id, now, results.checks, known)

    def record_checks(self, domain: str, mark: str, checks: Sequence[NodeResult]) -> None:
        """Record checks that were made without a build, such as the freshness of sources."""
        with self._engine.begin() as connection:
            record_incidents(connection, domain, mark, datetime.now(UTC), checks)

    def record_failing_rows(self, build_id: str, totals: Mapping[str, int]) -> None:
        """Add to a build's results how many whole rows fail each test, by unique id."""
        if not totals:
            return
        with self._engine.begin() as connection:
            connection.execute(
                update(node_results)
                .where(
                    node_results.c.build_id == build_id,
                    node_results.c.unique_id == bindparam("test"),
                )
                .values(failing_rows=bindparam("total")),
                [{"test": test, "total": total} for test, total in totals.items()],
            )

    def last(self, domain: str) -> BuildRecord | None:
        """The domain's newest build, however it ended."""
        query = (
            select(builds)
            .where(builds.c.domain == domain)
            .order_by(builds.c.started_at.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return BuildRecord(**row._mapping) if row else None

    def one(self, build_id: str) -> BuildRecord | None:
        """A build by its id."""
        with self._engine.connect() as connection:
            row = connection.execute(
                select(builds).where(builds.c.build_id == build_id)
            ).one_or_none()
        return BuildRecord(**row._mapping) if row else None

    def go_on(self, build_id: str, run_id: str | None) -> None:
        """Note that a build which was broken off goes on in another run."""
        with self._engine.begin() as connection:
            connection.execute(
                update(builds).where(builds.c.build_id == build_id).values(run_id=run_id)
            )

    def newest_seconds(self, domain: str) -> dict[str, float]:
        """How long each node took when it was last run, by unique id."""
        return {
            unique_id: measured[-1]
            for unique_id, points in self.recent(domain).items()
            if (measured := [one.seconds for one in points if one.seconds])
        }

    def newest_results(self, domain: str, known: Collection[str]) -> dict[str, NodeStanding]:
        """The newest result of each node, by unique id, whichever build it is of.

        A build of a part of the graph does not clear what failed elsewhere.

        Args:
            domain: whose nodes.
            known: ids of the nodes that still exist.
        """
        query = (
            select(
                node_results.c.unique_id,
                node_results.c.name,
                node_results.c.status,
                node_results.c.failures,
                node_results.c.failing_rows,
            )
            .join(builds, builds.c.build_id == node_results.c.build_id)
            .where(builds.c.domain == domain)
            .order_by(builds.c.started_at)
        )
        with self._engine.connect() as connection:
            newest = {row.unique_id: row for row in connection.execute(query)}
        return {
            unique_id: NodeStanding(row.name, row.status, row.failing_rows or row.failures)
            for unique_id, row in newest.items()
            if unique_id in known
        }

    def broken_nodes(self, domain: str, known: Collection[str]) -> dict[str, str]:
        """Nodes whose newest result does not allow publishing, as name -> status."""
        return {
            node.name: node.status
            for node in self.newest_results(domain, known).values()
            if node.status in _BROKEN
        }

    def started_before(self, domain: str, build_id: str) -> datetime | None:
        """When the build before this one began; None if it is the first."""
        this = select(builds.c.started_at).where(builds.c.build_id == build_id).scalar_subquery()
        query = select(func.max(builds.c.started_at)).where(
            builds.c.domain == domain, builds.c.build_id != build_id, builds.c.started_at < this
        )
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one_or_none()

    def recent(self, domain: str, runs: int = RUNS_SHOWN) -> dict[str, tuple[RunPoint, ...]]:
        """The last results of every node of a domain, by unique id, oldest first."""
        newest = (
            select(builds.c.build_id, builds.c.started_at)
            .where(builds.c.domain == domain, builds.c.invocation_id.is_not(None))
            .order_by(builds.c.started_at.desc())
            .limit(runs)
            .subquery()
        )
        query = (
            select(node_results, newest.c.started_at)
            .join(newest, newest.c.build_id == node_results.c.build_id)
            .order_by(newest.c.started_at)
        )
        points: dict[str, list[RunPoint]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(query):
                points.setdefault(row.unique_id, []).append(_point(row))
        return {unique_id: tuple(found) for unique_id, found in points.items()}


def _node_row(build_id: str, node: NodeResult) -> dict[str, Any]:
    return {
        "build_id": build_id,
        "unique_id": node.unique_id,
        "name": node.name,
        "resource_type": node.resource_type,
        "status": node.status,
        "severity": node.severity,
        "failures": node.failures,
        "rows": node.rows,
        "seconds": node.seconds,
        "bytes": node.bytes,
    }


def _source_rows(
    build_id: str, sources: Sequence[SourceFacts], rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows for the sources without a declared freshness; the others get their count of rows."""
    written = {row["unique_id"]: row for row in rows}
    added = []
    for source in sources:
        if source.unique_id in written:
            written[source.unique_id]["rows"] = source.rows
            continue
        node = NodeResult(source.unique_id, source.name, "source", "pass", rows=source.rows)
        added.append(_node_row(build_id, node))
    return added


def _point(row: Row[Any]) -> RunPoint:
    failing = row.failing_rows if row.failing_rows is not None else row.failures
    return RunPoint(
        at=row.started_at,
        status=row.status,
        failing_rows=0 if row.status == "pass" and row.severity else failing,
        rows=row.rows,
        seconds=row.seconds,
        bytes=row.bytes,
    )
