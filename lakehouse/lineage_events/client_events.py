"""Job runs as the events of the OpenLineage client, https://openlineage.io/spec/2-0-2."""

import os
from collections.abc import Iterator
from datetime import datetime

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    DatasetFacet,
    JobFacet,
    RunFacet,
    data_quality_assertions_dataset,
    documentation_dataset,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
)

from lakehouse.lineage_events.job_runs import Assertion, Dataset, JobRun, RunPlace

PRODUCER = "urn:aljibe:lineage-events"


def job_namespace() -> str:
    """Namespace of all jobs: `OPENLINEAGE_NAMESPACE`, else `aljibe`."""
    return os.environ.get("OPENLINEAGE_NAMESPACE") or "aljibe"


def events_of(run: JobRun) -> Iterator[RunEvent]:
    """The event of a run's start, and that of its end if it has ended."""
    # A flow's start was told when it began.
    if run.kind != "FLOW" or run.ended_at is None:
        yield _event(run, RunState.START, run.started_at)
    if run.ended_at is not None and run.outcome is not None:
        yield _event(run, RunState(run.outcome), max(run.ended_at, run.started_at))


def _event(run: JobRun, state: RunState, moment: datetime) -> RunEvent:
    return RunEvent(
        eventType=state,
        eventTime=moment.isoformat(),
        producer=PRODUCER,
        run=Run(run.place.run_id, facets=_run_facets(run, state)),
        job=Job(job_namespace(), run.place.job, facets=_job_facets(run)),
        inputs=[_input(one, state) for one in run.inputs],
        outputs=[_output(one, state) for one in run.outputs],
    )


def _run_facets(run: JobRun, state: RunState) -> dict[str, RunFacet]:
    facets: dict[str, RunFacet] = {}
    if run.place.parent:
        facets["parent"] = _parent(run.place.parent)
    if run.error and state is not RunState.START:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=run.error, programmingLanguage="python", producer=PRODUCER
        )
    return facets


def _parent(place: RunPlace) -> parent_run.ParentRunFacet:
    namespace, root = job_namespace(), place.root
    return parent_run.ParentRunFacet(
        run=parent_run.Run(place.run_id),
        job=parent_run.Job(namespace, place.job),
        root=parent_run.Root(
            run=parent_run.RootRun(root.run_id), job=parent_run.RootJob(namespace, root.job)
        ),
        producer=PRODUCER,
    )


def _job_facets(run: JobRun) -> dict[str, JobFacet]:
    by_dbt = run.kind in ("SEED", "MODEL", "SNAPSHOT", "TEST")
    return {
        "jobType": job_type_job.JobTypeJobFacet(
            processingType="BATCH",
            integration="DBT" if by_dbt else "ALJIBE",
            jobType=run.kind,
            producer=PRODUCER,
        )
    }


def _input(dataset: Dataset, state: RunState) -> InputDataset:
    found = InputDataset(dataset.name.namespace, dataset.name.name)
    if dataset.assertions and state is not RunState.START:
        facet = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
            assertions=[_assertion(one) for one in dataset.assertions], producer=PRODUCER
        )
        found.inputFacets = {"dataQualityAssertions": facet}
    return found


def _assertion(one: Assertion) -> data_quality_assertions_dataset.Assertion:
    return data_quality_assertions_dataset.Assertion(
        assertion=one.kind,
        success=one.success,
        column=one.column,
        severity=one.severity,
        name=one.name,
        description=one.description or None,
        actual=None if one.failures is None else str(one.failures),
    )


def _output(dataset: Dataset, state: RunState) -> OutputDataset:
    found = OutputDataset(dataset.name.namespace, dataset.name.name)
    if state is RunState.START:
        return found
    facets: dict[str, DatasetFacet] = {}
    if dataset.fields:
        facets["schema"] = schema_dataset.SchemaDatasetFacet(
            fields=[
                schema_dataset.SchemaDatasetFacetFields(
                    name=one.name,
                    type=one.type,
                    description=one.description or None,
                    ordinal_position=place,
                )
                for place, one in enumerate(dataset.fields, start=1)
            ],
            producer=PRODUCER,
        )
    if dataset.description:
        facets["documentation"] = documentation_dataset.DocumentationDatasetFacet(
            description=dataset.description, producer=PRODUCER
        )
    found.facets = facets
    if dataset.rows is not None and state is RunState.COMPLETE:
        found.outputFacets = {
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=dataset.rows, producer=PRODUCER
            )
        }
    return found
