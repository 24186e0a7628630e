"""The sections of a domain's page, in their order, and the table of all its tests."""

from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.run_facts import Change, RunFacts
from lakehouse.reports.checks import OPEN, changed_checks, index_of, is_freshness, short_name
from lakehouse.reports.views.flow_rows import arrivals_grid, published_grid
from lakehouse.reports.views.node_sections import broken_section, models_section, skipped_section
from lakehouse.reports.views.not_loaded import not_loaded_section
from lakehouse.reports.views.owner_view import owner_href, owner_name
from lakehouse.reports.views.receipt_section import receipt_sections
from lakehouse.reports.views.test_standing import change_text, check_tag, count_text
from lakehouse.reports.views.test_view import test_href
from lakehouse.reports.views.test_wording import checked_table, title
from lakehouse.reports.views.verdicts import owner_verdict
from lakehouse.reports.views.view_types import Cell, Column, Grid, Section
from lakehouse.reports.wording import Wording

MOST_LOOK_AT = 100
MOST_TESTS = 1000
MOST_NAMES = 100
_CHANGES: tuple[tuple[str, Change], ...] = (
    ("new", "NEW"),
    ("still", "STILL"),
    ("fixed", "FIXED"),
    ("unchecked", "NOT CHECKED"),
)
_HEADS = ("status", "check", "table", "count", "change", "owner")
_OWNER_HEADS = ("owner", "verdict", "open", "group")


def domain_sections(facts: RunFacts, words: Wording) -> tuple[Section, ...]:
    """The sections of `DomainPage.sections`; one without content is left out."""
    sections = (
        look_at_section(facts, words),
        not_loaded_section(facts.sources, facts.started_at, words),
        _since_last_run(facts, words),
        _findings(facts, words),
        broken_section(facts, words),
        skipped_section(facts, words),
        _gridded("arrivals", arrivals_grid(facts, words), words),
        _published(facts, words),
        *receipt_sections(facts, words),
        models_section(facts, words),
        _owners(facts, words),
    )
    return tuple(section for section in sections if section is not None)


def look_at_section(facts: RunFacts, words: Wording) -> Section | None:
    """The tests that do not pass, the worst first; None without any."""
    found = [check for check in index_of(facts).checks if check.status in OPEN]
    return _gridded("look_at", _grid(facts, found, MOST_LOOK_AT, words), words)


def tests_grid(facts: RunFacts, words: Wording) -> Grid:
    """Every test, the worst first; at most `MOST_TESTS`."""
    return _grid(facts, list(index_of(facts).checks), MOST_TESTS, words)


def _grid(facts: RunFacts, checks: list[NodeResult], most: int, words: Wording) -> Grid:
    rows = tuple(_row(facts, check, words) for check in checks[:most])
    columns = tuple(Column(words.say(f"column.{head}")) for head in _HEADS)
    more = len(checks) - most
    return Grid(columns, rows, words.say("list.more_lines", count=more) if more > 0 else "")


def _row(facts: RunFacts, check: NodeResult, words: Wording) -> tuple[Cell, ...]:
    state = facts.state(check.unique_id)
    tag = check_tag(check, state, words)
    name = "" if is_freshness(check) else check.name
    about = ".".join(part for part in (checked_table(check), check.column) if part)
    return (
        Cell(tag.text, "tag", tag.tone),
        Cell(title(check, words), href=test_href(facts, check), small=name),
        Cell(about, "code"),
        Cell(count_text(check, facts, words)),
        Cell(change_text(state, facts.started_at, words)),
        Cell(check.owner or ""),
    )


def _since_last_run(facts: RunFacts, words: Wording) -> Section | None:
    lines = []
    for key, change in _CHANGES:
        names = [short_name(check) for check in changed_checks(facts, change)]
        if change == "NOT CHECKED":
            names += facts.not_checked
        if names:
            shown = words.names(names, most=MOST_NAMES)
            lines.append(words.say(f"change.list_{key}", count=len(names), names=shown))
    known = bool(lines) or any(len(points) > 1 for points in facts.history.values())
    if not known:
        return None
    return Section(
        words.say("section.since_last_run"), tuple(lines) or (words.say("change.nothing"),)
    )


def _findings(facts: RunFacts, words: Wording) -> Section | None:
    if not facts.findings:
        return None
    more = len(facts.findings) - MOST_NAMES
    note = words.say("list.more_lines", count=more) if more > 0 else ""
    return Section(words.say("section.findings"), facts.findings[:MOST_NAMES], note=note)


def _published(facts: RunFacts, words: Wording) -> Section | None:
    grid = published_grid(facts, words)
    if not grid.rows and not facts.publish.message:
        return None
    refused = facts.publish.outcome == "refused" and facts.publish.message
    lines = (words.say("verdict.refused", reason=facts.publish.message),) if refused else ()
    if not grid.rows and not lines:
        return None
    return Section(words.say("section.published"), lines, grid if grid.rows else None)


def _owners(facts: RunFacts, words: Wording) -> Section | None:
    rows = []
    for group in facts.groups:
        own = frozenset(group.nodes)
        verdict = owner_verdict(facts, own, words)
        count = sum(
            check.unique_id in own and check.status in OPEN for check in index_of(facts).checks
        )
        rows.append(
            (
                Cell(owner_name(group, words), href=owner_href(facts, group.name)),
                Cell(verdict.say, "tag", verdict.tone),
                Cell(words.number(count), "number"),
                Cell(group.name, "code"),
            )
        )
    columns = tuple(
        Column(words.say(f"column.{head}"), numeric=head == "open") for head in _OWNER_HEADS
    )
    return _gridded("owners", Grid(columns, tuple(rows)), words)


def _gridded(key: str, grid: Grid, words: Wording) -> Section | None:
    return Section(words.say(f"section.{key}"), grid=grid) if grid.rows else None
