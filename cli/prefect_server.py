"""`python -m cli.prefect_server start`: Prefect's server, whose schedules can make their runs."""

import sys
from collections.abc import MutableMapping
from typing import Any

from sqlalchemy.ext.hybrid import hybrid_property


def let_schedules_make_runs() -> None:
    """Let Prefect 3.8.8 insert scheduled runs under SQLAlchemy 2.1, which refuses them otherwise.

    Prefect inserts rows that also hold their first state, an attribute without a column. Up to
    SQLAlchemy 2.0 that was passed over; 2.1 wants to be told. Drop it when Prefect supports 2.1.
    """
    from prefect.server.database.orm_models import FlowRun, TaskRun

    for model in (FlowRun, TaskRun):
        state: hybrid_property[Any] = vars(model)["state"]
        state.inplace.bulk_dml(_pass_over)


def _pass_over(cls: Any, mapping: MutableMapping[str, Any], value: Any) -> None:
    """The row gets its state by a statement of its own."""


if __name__ == "__main__":
    let_schedules_make_runs()
    from prefect.cli import app

    sys.argv[1:1] = ["server"]
    app()
