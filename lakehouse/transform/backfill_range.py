"""A range of days to build anew, and whether the models of a domain can be built by days at all."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from lakehouse.errors import BackfillRangeInvalid, BackfillUnread

FROM, TO = "backfill_from", "backfill_to"
_BUILT = ("models", "snapshots")
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_MACRO = re.compile(r"\{%[-+]?\s*macro\s+(\w+)\s*\(.*?\bendmacro\b", re.DOTALL)
_CALLED = re.compile(r"\b(\w+)\s*\(")
_READ = re.compile(rf"""\bvar\(\s*['"]{FROM}['"]""")


def backfill_variables(
    project_dir: Path, domain: str, from_date: date, to_date: date
) -> dict[str, str]:
    """The dbt variables of a range of days.

    Args:
        project_dir: the dbt project.
        domain: a domain of it.
        from_date: first day.
        to_date: last day, included.

    Raises:
        BackfillRangeInvalid: the range ends before it begins.
        BackfillUnread: nothing that the domain builds reads the range.
    """
    if to_date < from_date:
        raise BackfillRangeInvalid(
            f"The range from {from_date} to {to_date} is empty: give the earlier day first."
        )
    if not reads_range(project_dir, domain):
        raise BackfillUnread(
            f"{domain} cannot be built by days: no model or snapshot below models/{domain} and "
            f"snapshots/{domain}, and no macro that they call, reads the dbt variable {FROM}. "
            f"Nothing was built. Read it in an incremental model, or build everything anew: elt "
            "with full_refresh."
        )
    return {FROM: from_date.isoformat(), TO: to_date.isoformat()}


def reads_range(project_dir: Path, domain: str) -> bool:
    """Whether a model or snapshot of the domain, its hooks or a macro of theirs reads the range.

    The files are looked at, not dbt's manifest: that is of the last build, and does not tell of a
    macro that is called only where a model is incremental. Names are followed from macro to macro.
    A variable or macro whose name is put together at run time is not seen.
    """
    macros = dict(_macros(project_dir / "macros"))
    ahead, seen = list(_texts_of(project_dir, domain)), set[str]()
    while ahead:
        text = ahead.pop()
        if _READ.search(text):
            return True
        called = macros.keys() & set(_CALLED.findall(text)) - seen
        seen |= called
        ahead += [macros[name] for name in called]
    return False


def _texts_of(project_dir: Path, domain: str) -> Iterator[str]:
    yield from _texts(project_dir / part / domain for part in _BUILT)
    configured = yaml.safe_load((project_dir / "dbt_project.yml").read_text("utf-8"))
    for part in _BUILT:
        of_project: dict[str, Any] = (configured.get(part) or {}).get(configured["name"]) or {}
        # Hooks that are declared for a folder of models.
        yield str(of_project.get(domain) or "")


def _macros(folder: Path) -> Iterator[tuple[str, str]]:
    for text in _texts([folder]):
        for found in _MACRO.finditer(text):
            yield found[1], found[0]


def _texts(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".sql", ".yml", ".yaml"):
                yield _COMMENT.sub("", path.read_text("utf-8"))
