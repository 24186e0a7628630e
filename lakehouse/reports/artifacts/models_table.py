"""The table of models and sources of a build, the content of the artifact `models-<domain>`."""

from lakehouse.quality.build_results import STATUSES
from lakehouse.quality.run_facts import ModelFacts, RunFacts, SourceFacts
from lakehouse.reports.artifacts.markdown import table_value

MOST_ROWS = 500

ModelsTableRow = dict[str, str | int | float | None]


def build_models_table(facts: RunFacts) -> list[ModelsTableRow]:
    """One row for each model, then for each source; at most 500, the last says what is cut.

    Models that did not pass stand first, then the slowest. `rows_before` is of the build or the
    load before, `limit_hours` the age from which a source is late.
    """
    models = sorted(
        facts.models,
        key=lambda one: (STATUSES.index(one.status) == 0, -one.seconds, one.name),
    )
    rows = [_model(one) for one in models] + [_source(one) for one in facts.sources]
    if len(rows) <= MOST_ROWS:
        return rows
    kept = rows[: MOST_ROWS - 1]
    cut = dict.fromkeys(kept[0])
    return [*kept, {**cut, "model": f"… {len(rows) - len(kept):,} more are not shown."}]


def _model(model: ModelFacts) -> ModelsTableRow:
    return {
        "model": table_value(model.name),
        "status": model.status,
        "rows": model.rows,
        "rows_before": model.rows_before,
        "seconds": round(model.seconds, 2),
        "bytes": model.bytes,
        "arrived": "",
        "age_hours": None,
        "limit_hours": None,
        "kind": model.resource_type,
        "schema": table_value(model.schema),
    }


def _source(source: SourceFacts) -> ModelsTableRow:
    limit = source.warn_after_hours
    return {
        "model": table_value(source.name),
        "status": source.status or source.arrival,
        "rows": source.rows,
        "rows_before": source.rows_before,
        "seconds": None,
        "bytes": None,
        "arrived": f"{source.arrived_at:%Y-%m-%d %H:%M} UTC" if source.arrived_at else "",
        "age_hours": None if source.age_hours is None else round(source.age_hours, 1),
        "limit_hours": source.error_after_hours if limit is None else limit,
        "kind": "source",
        "schema": table_value(source.name.partition(".")[0]),
    }
