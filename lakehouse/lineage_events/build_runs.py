"""A dbt build as job runs: one for each seed, snapshot and model, one for a dataset's tests."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from lakehouse.lake.warehouse import Warehouse as BuiltIn
from lakehouse.lineage_events.dataset_names import DatasetName, local_path, warehouse_relation
from lakehouse.lineage_events.job_runs import (
    Assertion,
    Dataset,
    Field,
    JobKind,
    JobRun,
    RunPlace,
    in_utc,
)
from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.dbt_manifest import Manifest
from lakehouse.quality.lineage_of import tested_nodes
from lakehouse.quality.warehouse_catalog import WarehouseCatalog

Times = Mapping[str, tuple[datetime, datetime]]

_KINDS: Mapping[str, JobKind] = {"seed": "SEED", "snapshot": "SNAPSHOT", "model": "MODEL"}


@dataclass(frozen=True)
class Warehouse:
    """Where the nodes of a project lie.

    Attributes:
        place: the DuckDB file or the lake.
        raw_tables: by (source, table), those that lie in the RAW lake; others are in the place.
        catalog: what is in the place; None if it could not be read.
    """

    manifest: Manifest
    place: BuiltIn
    raw_tables: Mapping[tuple[str, str], DatasetName] = field(default_factory=dict)
    catalog: WarehouseCatalog | None = None

    def relation(self, unique_id: str) -> tuple[str, str]:
        """Schema and name of a node."""
        node = self.manifest.node(unique_id)
        name = next(node[key] for key in ("identifier", "alias", "name") if node.get(key))
        return str(node.get("schema") or "main"), str(name)

    def name(self, unique_id: str) -> DatasetName:
        """The dataset of a model, seed, snapshot or source."""
        node = self.manifest.node(unique_id)
        raw = self.raw_tables.get((str(node.get("source_name")), str(node.get("name"))))
        if node.get("resource_type") == "source" and raw:
            return raw
        return warehouse_relation(self.place, *self.relation(unique_id))

    def written(self, unique_id: str, rows: int | None = None) -> Dataset:
        """The same with its columns and descriptions."""
        return Dataset(
            self.name(unique_id),
            fields=self.fields(unique_id),
            rows=rows,
            description=str(self.manifest.node(unique_id).get("description") or "").strip(),
        )

    def fields(self, unique_id: str) -> tuple[Field, ...]:
        """Columns as the place has them, else as the project declares them."""
        declared = self.manifest.node(unique_id).get("columns") or {}
        told = {str(name).lower(): column for name, column in declared.items()}
        there = self.catalog and self.catalog.of_node(self.manifest.node(unique_id))
        types = {str(name): column.get("data_type") for name, column in declared.items()}
        names = (there.columns if there else types).items()
        return tuple(
            Field(name, kind, str(told.get(name.lower(), {}).get("description") or "").strip())
            for name, kind in names
        )

    def inputs(self, unique_id: str) -> tuple[Dataset, ...]:
        """What a node reads; in place of an ephemeral model, which is none, what that reads."""
        return tuple(Dataset(name) for name in sorted(set(self._read_by(unique_id))))

    def _seed_file(self, unique_id: str) -> Iterator[DatasetName]:
        node = self.manifest.node(unique_id)
        if node.get("resource_type") == "seed" and node.get("root_path"):
            yield local_path(Path(node["root_path"]) / node["original_file_path"])

    def _read_by(self, unique_id: str) -> Iterator[DatasetName]:
        yield from self._seed_file(unique_id)
        for parent in self.manifest.parents(unique_id):
            node = self.manifest.node(parent)
            kind = node.get("resource_type")
            if (node.get("config") or {}).get("materialized") == "ephemeral":
                yield from self._read_by(parent)
            elif kind in (*_KINDS, "source"):
                yield self.name(parent)


def build_runs(
    parent: RunPlace, warehouse: Warehouse, results: BuildResults, times: Times
) -> list[JobRun]:
    """The runs of a build, in the order of their results; what dbt skipped did not run.

    Args:
        parent: the flow run around them.
        warehouse: where the nodes lie.
        results: of the build.
        times: start and end of each node, UTC; without one, the end of the build counts.
    """
    runs = []
    for node in results.models:
        if node.status == "skipped" or _is_ephemeral(warehouse.manifest, node.unique_id):
            continue
        started_at, ended_at = _span([node], results, times)
        is_bad = node.status in ("fail", "error")
        runs.append(
            JobRun(
                place=parent.child(f"{parent.job}.{node.unique_id}"),
                kind=_KINDS[node.resource_type],
                started_at=started_at,
                ended_at=ended_at,
                outcome="FAIL" if is_bad else "COMPLETE",
                inputs=warehouse.inputs(node.unique_id),
                outputs=(warehouse.written(node.unique_id, node.rows),),
                error=f"{node.name} could not be built; the build's report says why."
                if is_bad
                else "",
            )
        )
    return [*runs, *_test_runs(parent, warehouse, results, times)]


def _is_ephemeral(manifest: Manifest, unique_id: str) -> bool:
    return (manifest.node(unique_id).get("config") or {}).get("materialized") == "ephemeral"


def _test_runs(
    parent: RunPlace, warehouse: Warehouse, results: BuildResults, times: Times
) -> Iterator[JobRun]:
    tests: defaultdict[str, list[NodeResult]] = defaultdict(list)
    for test in results.tests:
        # A unit test is about SQL, not about data.
        if test.test_kind != "unit_test" and test.status != "skipped":
            for unique_id in tested_nodes(warehouse.manifest, test.unique_id):
                tests[unique_id].append(test)
    for unique_id, about in tests.items():
        if _is_ephemeral(warehouse.manifest, unique_id):
            continue
        started_at, ended_at = _span(about, results, times)
        bad = [test.name for test in about if test.status in ("fail", "error")]
        yield JobRun(
            place=parent.child(f"{parent.job}.{unique_id}.test"),
            kind="TEST",
            started_at=started_at,
            ended_at=ended_at,
            outcome="FAIL" if bad else "COMPLETE",
            inputs=(Dataset(warehouse.name(unique_id), assertions=tuple(map(_assertion, about))),),
            error=f"{', '.join(bad)} failed; the build's report says why." if bad else "",
        )


def _assertion(test: NodeResult) -> Assertion:
    return Assertion(
        name=test.name,
        kind=test.test_kind or "test",
        success=test.status == "pass",
        column=test.column,
        severity=test.severity,
        description=test.description.strip(),
        failures=test.failures,
    )


def _span(
    nodes: Sequence[NodeResult], results: BuildResults, times: Times
) -> tuple[datetime, datetime]:
    end = in_utc(results.generated_at)
    spans = [
        times.get(node.unique_id, (end - timedelta(seconds=node.seconds), end)) for node in nodes
    ]
    return min(start for start, _ in spans), max(ended for _, ended in spans)


def node_times(run_results: Mapping[str, Any]) -> dict[str, tuple[datetime, datetime]]:
    """Start and end of each node, from the content of `run_results.json`."""
    found = {}
    for entry in run_results["results"]:
        steps = [step for step in entry.get("timing") or () if step.get("completed_at")]
        if steps:
            moments = [
                in_utc(datetime.fromisoformat(str(step[key])))
                for step in steps
                for key in ("started_at", "completed_at")
            ]
            found[str(entry["unique_id"])] = (min(moments), max(moments))
    return found
