"""The report of a build, the content of the artifact `dbt-<domain>`.

It answers first whether today's data can be used, then what is wrong, then what was built.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lakehouse.quality.build_changes import BuildChanges, compare_builds
from lakehouse.quality.build_results import STATUSES, BuildResults, NodeResult, counted, worst_first
from lakehouse.quality.failing_rows import FailingRows
from lakehouse.reports.artifact_keys import test_key, tests_key
from lakehouse.reports.markdown import Markdown, code, table, text

MOST_MODELS = 60
MOST_TESTS = 100
MOST_LINES = 100


@dataclass(frozen=True)
class IngestLine:
    """What one table got in this run: rows delivered = loaded + rejected.

    Attributes:
        table: `source.table`.
        known: rows of deliveries that were in the lake already.
    """

    table: str
    delivered: int
    loaded: int
    rejected: int
    known: int = 0


@dataclass(frozen=True)
class BuildContext:
    """What the report says beyond dbt's results.

    Attributes:
        started_at: start of the run, UTC.
        skipped_build_of: when the build ran whose results these are, if nothing was new today.
        findings: what else was noticed, such as quarantined files.
        previous: results of the build before, for what is new, still open and fixed.
        failing_rows: rows read for each test, by unique id.
        publish: one line on what was published.
    """

    started_at: datetime
    flow_run_name: str | None = None
    flow_run_id: str | None = None
    skipped_build_of: datetime | None = None
    findings: tuple[str, ...] = ()
    previous: BuildResults | None = None
    failing_rows: Mapping[str, FailingRows] = field(default_factory=dict)
    ingest: tuple[IngestLine, ...] = ()
    publish: str | None = None


def build_markdown(domain: str, results: BuildResults, *, context: BuildContext) -> Markdown:
    """Write the report of a domain's build.

    Args:
        domain: name of the domain.
        results: of this build, or of the last one if `context.skipped_build_of` is set.
        context: what the report says beyond dbt's results.
    """
    changes = compare_builds(context.previous, results) if context.previous else None
    counts = " · ".join(f"{number:,} {status}" for status, number in results.counts.items())
    parts = [
        f"# {text(domain)}",
        f"**{_verdict(results, context)}**",
        _headline(results, context),
        _run_line(context),
        f"{counts} · {results.elapsed_seconds:,.1f} s · {text('dbt ' + results.dbt_version)}",
        *_tests(domain, results, context, changes),
        *_changes(changes),
        *_listed("Findings", [text(finding, 500) for finding in context.findings]),
        *_broken_models(results),
        *_skipped(results),
        *_ingest(context.ingest),
        *(["## Published", text(context.publish, 500)] if context.publish else []),
        *_models(results),
        f"All tests: {code(tests_key(domain))}",
    ]
    return Markdown("\n\n".join(part for part in parts if part) + "\n")


def _verdict(results: BuildResults, context: BuildContext) -> str:
    if results.verdict == "failed":
        return "Do not use today's data: the build failed."
    remarks = []
    if results.warnings:
        remarks.append(counted(len(results.warnings), "warning"))
    if context.findings:
        remarks.append(counted(len(context.findings), "finding"))
    return f"You can use today's data{', with ' if remarks else ''}{' and '.join(remarks)}."


def _headline(results: BuildResults, context: BuildContext) -> Markdown:
    totals = {test: rows.total for test, rows in context.failing_rows.items() if rows.total}
    return text(results.headline(totals), None)


def _run_line(context: BuildContext) -> str:
    run = " ".join(
        part
        for part in (
            text(context.flow_run_name) if context.flow_run_name else "",
            f"({code(context.flow_run_id)})" if context.flow_run_id else "",
        )
        if part
    )
    line = f"{'Run ' + run + ', ' if run else ''}started {_utc(context.started_at)}."
    if context.skipped_build_of:
        line += (
            " Nothing new arrived and nothing changed, so that dbt did not run again: this is the "
            f"verdict of the build of {_utc(context.skipped_build_of)}."
        )
    return line[0].upper() + line[1:]


def _tests(
    domain: str, results: BuildResults, context: BuildContext, changes: BuildChanges | None
) -> list[str]:
    found = worst_first(
        [test for test in results.tests if test.status in ("fail", "error", "warn")]
    )
    if not found:
        return []
    rows = [
        [
            text(test.status),
            code(f"{test.model or ''}{'.' + test.column if test.column else ''}"),
            code(test.name),
            text(test.count_text(_traced(test, context))),
            text((changes.of(test.unique_id) if changes else None) or ""),
            text(test.owner or ""),
            code(test_key(domain, test.label), None),
        ]
        for test in found[:MOST_TESTS]
    ]
    headers = ["status", "model", "test", "count", "since last run", "owner", "artifact"]
    return ["## Look at", table(headers, rows), _more(len(found), MOST_TESTS, "test")]


def _traced(test: NodeResult, context: BuildContext) -> int | None:
    rows = context.failing_rows.get(test.unique_id)
    return rows.total if rows and rows.total else None


def _changes(changes: BuildChanges | None) -> list[str]:
    if changes is None:
        return []
    groups = (
        ("NEW", changes.new),
        ("STILL", changes.still),
        ("FIXED", changes.fixed),
        ("NOT CHECKED", changes.unchecked),
    )
    lines = []
    for name, tests in groups:
        if tests:
            shown = ", ".join(code(test.name) for test in tests[:MOST_LINES])
            lines.append(f"**{name}** ({len(tests):,}): {shown}")
    return _listed("Since the last run", lines or ["Nothing changed."])


def _broken_models(results: BuildResults) -> list[str]:
    lines = [
        f"{code(node.name)}: {text(node.message or 'dbt gave no message', 500)}"
        for node in results.blocking
        if not node.is_test
    ]
    return _listed("Could not be built", lines)


def _skipped(results: BuildResults) -> list[str]:
    lines = []
    for node in results.skipped:
        causes = ", ".join(code(cause) for cause in node.blocked_by)
        why = f"because of {causes}" if causes else text(node.message or "dbt names no cause")
        lines.append(f"{code(node.name)} {why}")
    return _listed("Skipped", lines)


def _ingest(lines: Sequence[IngestLine]) -> list[str]:
    if not lines:
        return []
    headers = ["table", "delivered", "loaded", "rejected", "known before"]
    rows = [
        [
            code(line.table),
            *(
                Markdown(f"{number:,}")
                for number in (line.delivered, line.loaded, line.rejected, line.known)
            ),
        ]
        for line in lines
    ]
    return ["## Delivered", table(headers, rows, numeric=headers[1:])]


def _models(results: BuildResults) -> list[str]:
    models = sorted(
        results.models, key=lambda node: (STATUSES.index(node.status) == 0, -node.seconds)
    )
    if not models:
        return []
    rows = [
        [
            code(node.name),
            text(node.resource_type),
            text(node.status),
            Markdown("" if node.rows is None else f"{node.rows:,}"),
            Markdown(f"{node.seconds:,.2f}"),
        ]
        for node in models[:MOST_MODELS]
    ]
    headers = ["model", "kind", "status", "rows", "seconds"]
    built = table(headers, rows, numeric=("rows", "seconds"))
    return ["## Models", built, _more(len(models), MOST_MODELS, "model")]


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    shown = "\n".join(f"- {line}" for line in lines[:MOST_LINES])
    return [f"## {title}", shown, _more(len(lines), MOST_LINES, "line")]


def _more(total: int, most: int, noun: str) -> str:
    return f"… and {counted(total - most, f'more {noun}')}." if total > most else ""


def _utc(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
