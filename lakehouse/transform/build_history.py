"""Builds and their results in the audit database: what was built last, and how each node stands."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from sqlalchemy import Engine, func, insert, or_, select, update

from lakehouse.lake.audit_schema import builds, node_results
from lakehouse.quality.dbt_results import BuildResults, NodeResult

BuildStatus = Literal["running", "passed", "warned", "failed", "unfinished", "by hand"]
_GOOD = ("passed", "warned")
_BROKEN = ("fail", "error", "skipped")
_OPEN = ("fail", "error", "warn")


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

    def finish(self, build_id: str, status: BuildStatus, results: BuildResults | None) -> None:
        """Record the end of a build with the result of every node."""
        with self._engine.begin() as connection:
            connection.execute(
                update(builds)
                .where(builds.c.build_id == build_id)
                .values(
                    status=status,
                    ended_at=datetime.now(UTC),
                    invocation_id=results.invocation_id if results else None,
                )
            )
            if results and results.nodes:
                connection.execute(
                    insert(node_results),
                    [
                        {
                            "build_id": build_id,
                            "unique_id": node.unique_id,
                            "name": node.name,
                            "resource_type": node.resource_type,
                            "status": node.status,
                            "severity": node.severity,
                            "failures": node.failures,
                            "rows": node.rows,
                            "seconds": node.seconds,
                        }
                        for node in results.nodes
                    ],
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

    def broken_nodes(self, domain: str, known: Collection[str]) -> dict[str, str]:
        """Nodes whose newest result does not allow publishing, as name -> status.

        A build of a part of the graph does not clear what failed elsewhere.

        Args:
            domain: whose nodes.
            known: ids of the nodes that still exist.
        """
        query = (
            select(node_results.c.unique_id, node_results.c.name, node_results.c.status)
            .join(builds, builds.c.build_id == node_results.c.build_id)
            .where(builds.c.domain == domain)
            .order_by(builds.c.started_at)
        )
        with self._engine.connect() as connection:
            newest = {row.unique_id: (row.name, row.status) for row in connection.execute(query)}
        return {
            name: status
            for unique_id, (name, status) in newest.items()
            if unique_id in known and status in _BROKEN
        }

    def results_before(self, domain: str, invocation_id: str) -> BuildResults | None:
        """The results of the build before the one with this dbt invocation, without details."""
        query = (
            select(builds)
            .where(
                builds.c.domain == domain,
                builds.c.invocation_id.is_not(None),
                builds.c.invocation_id != invocation_id,
            )
            .order_by(builds.c.started_at.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            build = connection.execute(query).one_or_none()
            if build is None:
                return None
            rows = connection.execute(
                select(node_results).where(node_results.c.build_id == build.build_id)
            ).all()
        nodes = tuple(
            NodeResult(
                unique_id=row.unique_id,
                name=row.name,
                resource_type=row.resource_type,
                status=row.status,
                severity=row.severity,
                failures=row.failures,
                rows=row.rows,
                seconds=row.seconds,
            )
            for row in rows
        )
        return BuildResults(
            nodes=nodes,
            invocation_id=build.invocation_id,
            generated_at=build.ended_at,
            elapsed_seconds=0.0,
            dbt_version="",
        )

    def failing_since(self, domain: str) -> Mapping[str, datetime]:
        """For each node that fails or warns now, when its present run of failures began."""
        last_good = (
            select(node_results.c.unique_id, func.max(builds.c.started_at).label("started_at"))
            .join(builds, builds.c.build_id == node_results.c.build_id)
            .where(builds.c.domain == domain, node_results.c.status.not_in((*_OPEN, "skipped")))
            .group_by(node_results.c.unique_id)
            .subquery()
        )
        query = (
            select(node_results.c.unique_id, func.min(builds.c.started_at).label("since"))
            .join(builds, builds.c.build_id == node_results.c.build_id)
            .outerjoin(last_good, last_good.c.unique_id == node_results.c.unique_id)
            .where(
                builds.c.domain == domain,
                node_results.c.status.in_(_OPEN),
                or_(
                    last_good.c.started_at.is_(None),
                    builds.c.started_at > last_good.c.started_at,
                ),
            )
            .group_by(node_results.c.unique_id)
        )
        with self._engine.connect() as connection:
            return {row.unique_id: row.since for row in connection.execute(query)}
