"""Run as a program: posts the artifacts of a made-up run, and of one whose publication follows.

It is a process of its own, since a browser's event loop leaves no room for Prefect's calls.
"""

from dataclasses import replace

from hostile_run import SCRIPT, make_run
from prefect import flow

from lakehouse.quality.run_facts import PublishFacts, RunFacts
from lakehouse.settings import load_settings
from tasks.post_artifacts import post_artifacts, update_summaries

DOMAIN = "pharma_latam"
PUBLISHED = "tienda"


@flow(name="report")
def report() -> None:
    """Report both runs as a build does, then the publication of the second."""
    settings = load_settings()
    post_artifacts(make_run("es", DOMAIN), settings)
    built = _that_passes(make_run("es", PUBLISHED))
    post_artifacts(built, settings)
    refused = PublishFacts("refused", message=f"faltan filas {SCRIPT}")
    update_summaries(replace(built, publish=refused), settings)


def _that_passes(facts: RunFacts) -> RunFacts:
    passing = tuple(node for node in facts.results.nodes if node.status == "pass")
    return replace(
        facts,
        results=replace(facts.results, nodes=passing),
        tests={},
        failing_rows={},
        findings=(),
        publish=PublishFacts("not run"),
    )


if __name__ == "__main__":
    report()
