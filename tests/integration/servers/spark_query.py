"""Answers queries in the project's own Spark session: run by the Python of `.venv-spark`.

`python spark_query.py FOLDER < queries.json` writes a list with the first column of each query's
rows, as text.
"""

import json
import sys
from pathlib import Path

from lakehouse.transform.spark.session_plan import SessionPlan


def main(folder: Path) -> None:
    # Tests that only name this file have no Spark.
    from lakehouse.transform.spark.session import open_session  # noqa: PLC0415

    plan = SessionPlan("queries", "local[1]", "700m", 400, folder, folder / "spark.log", ())
    session = open_session(plan)
    answers = [
        [row[0] for row in session.sql(f"select cast(v as string) from ({query})").collect()]
        for query in json.load(sys.stdin)
    ]
    session.stop()
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
