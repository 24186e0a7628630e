"""What operators are told when a test fails or a publication is blocked: names and counts only."""

from dataclasses import dataclass

from lakehouse.quality.build_results import worst_first
from lakehouse.quality.run_facts import RunFacts
from lakehouse.reports.checks import check_label

_MOST_NAMED = 20


@dataclass(frozen=True)
class Alert:
    """A message in English, as operators' messages are.

    Attributes:
        subject: one line.
        body: lines of plain text, which are Markdown too.
    """

    subject: str
    body: str


def build_alert(domain: str, happening: str, about: str, facts: RunFacts | None) -> Alert:
    """Word an alert.

    Args:
        domain: what is stopped.
        happening: name of the event.
        about: what the event names.
        facts: of the last report of the domain; None if it cannot be read.
    """
    blocked = happening.endswith("blocked")
    what = "nothing was published" if blocked else "a test fails"
    lines = [f"{domain}: {what}. Readers keep the last good tables.", ""]
    failing = worst_first(facts.results.blocking) if facts else []
    breaches = list(facts.breaches) if facts else []
    lines += [f"- {check_label(node)}: {node.status}" for node in failing[:_MOST_NAMED]]
    lines += [
        f"- {check_label(test)}: beyond its budget of warnings" for test in breaches[:_MOST_NAMED]
    ]
    more = max(0, len(failing) - _MOST_NAMED) + max(0, len(breaches) - _MOST_NAMED)
    lines += [f"- and {more} more"] if more else []
    if not failing and not breaches:
        lines.append(f"- {about or happening}")
    if facts and facts.run.url:
        lines += ["", facts.run.url]
    return Alert(f"{domain}: {what}", "\n".join(lines))
