"""The tables of a profiled database as the YAML of a source."""

import re
import textwrap
from collections.abc import Sequence

from lakehouse.connectors.database.profile import TableProfile
from lakehouse.scaffold.declaration import Wanted, declare, dumped, plain_name
from lakehouse.scaffold.sample import Sample, SampledColumn

_WIDTH = 92


def source_yaml(profiles: Sequence[TableProfile], domain: str, source: str, block: str) -> str:
    """Write a `sources:` entry with every table that can be read.

    Tables are loaded whole; what may serve as cursor and what to look at stand above as comments.

    Args:
        profiles: of the tables.
        domain: folder of the models.
        source: name of the source in dbt.
        block: through which it is read.
    """
    meta = {"connector": "database", "block": block, "load": "snapshot"}
    head = {"name": source, "schema": "raw", "config": {"meta": meta}}
    text = f"sources:\n{dumped([head], 2)}    tables:\n"
    return text + "\n".join(
        _table(profile, Wanted(domain, source, name, "database", block, None, {}))
        for profile, name in zip(profiles, _table_names(profiles), strict=True)
        if profile.relation is not None
    )


def _table(profile: TableProfile, wanted: Wanted) -> str:
    relation = profile.relation
    if relation is None:
        return ""
    columns = [SampledColumn(c.name, data_type=c.data_type) for c in relation.columns]
    meta = {} if wanted.table == profile.name else {"relation": profile.name}
    declared = dict(declare(Sample(meta, columns, key=relation.primary_key), wanted).table)
    if not declared["config"]["meta"]:
        del declared["config"]
    return _comments(profile) + dumped([declared], 6)


def _comments(profile: TableProfile) -> str:
    lines = [
        f"{hazard.column or 'the table'} {hazard.what}; {hazard.advice}"
        if not hazard.what[:1].isdigit()
        else f"{hazard.column}: {hazard.what}; {hazard.advice}"
        for hazard in profile.hazards
    ]
    if profile.cursor:
        lines.append(f"config.meta may say instead: load: incremental, cursor: {profile.cursor}")
    return "".join(
        textwrap.fill(
            " ".join(line.split()),
            _WIDTH,
            initial_indent="      # ",
            subsequent_indent="      #   ",
        )
        + "\n"
        for line in lines
    )


def _table_names(profiles: Sequence[TableProfile]) -> list[str]:
    names: list[str] = []
    for profile in profiles:
        plain = re.sub(r"^[^a-z]+", "", plain_name(profile.name)) or "tabla"
        again = sum(name == plain or name.startswith(f"{plain}_again") for name in names)
        names.append(f"{plain}_again{again}" if again else plain)
    return names
