"""A sample as text: the source's YAML, the staging model, and its tests."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import yaml

from lakehouse.scaffold.proposed_types import Proposal, propose_types
from lakehouse.scaffold.sample import Sample

_PERSONAL = re.compile(
    r"(?:^|_)(?:e?mail|correo|telefono|telefone|phone|celular|dni|cuit|cuil|cpf|cnpj|cbu|iban|nombre"
    r"|apellido|nome|sobrenome|name|surname|direccion|endereco|address)(?:_|$)",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class Wanted:
    """What is to be declared, besides what the sample shows.

    Attributes:
        meta: fields of the table's `config.meta` that were asked for, such as pattern or relation.
        key: columns that identify a row; empty where nobody knows.
    """

    domain: str
    source: str
    table: str
    connector: str
    block: str
    owner: str | None
    meta: Mapping[str, Any]
    key: Sequence[str] = ()


@dataclass(frozen=True)
class Declaration:
    """Texts to be written, and what a person should check."""

    source_meta: Mapping[str, Any]
    table: Mapping[str, Any]
    model_name: str
    model_sql: str
    model_entry: Mapping[str, Any]
    doubts: tuple[str, ...]


def declare(sample: Sample, wanted: Wanted) -> Declaration:
    """Put a sample into words of the project."""
    proposal = propose_types(sample.columns)
    meta = {**wanted.meta, **sample.meta}
    if meta.get("format") == "csv":
        del meta["format"]
    key = tuple(wanted.key or sample.key)
    if key:
        meta["key"] = list(key)
    dialect = {**sample.dialect, **proposal.dialect}
    if dialect:
        meta["dialects"] = [dialect]
    source_meta = {"connector": wanted.connector, "block": wanted.block}
    if wanted.owner:
        source_meta["owner"] = wanted.owner
    table = {
        "name": wanted.table,
        "config": {"meta": meta},
        "columns": _columns(sample, proposal),
    }
    model = f"stg_{wanted.table}"
    return Declaration(
        source_meta,
        table,
        model,
        _model_sql(sample, wanted),
        _model_entry(model, sample, key, f"{wanted.source}.{wanted.table}"),
        (*sample.doubts, *proposal.doubts),
    )


class _IndentedLists(yaml.SafeDumper):
    """Writes the items of a list to the right of its name, as the project does."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """See `yaml.emitter.Emitter`."""
        super().increase_indent(flow, indentless=False)


def dumped(node: object, indent: int = 0) -> str:
    """YAML of a node, leaves on one line, indented by `indent` blanks."""
    text = yaml.dump(
        node,
        Dumper=_IndentedLists,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=98 - indent,
    )
    return textwrap.indent(text, " " * indent)


def _columns(sample: Sample, proposal: Proposal) -> list[dict[str, Any]]:
    columns = []
    for column in sample.columns:
        entry: dict[str, Any] = {"name": column.name, "data_type": proposal.types[column.name]}
        meta = dict(column.meta)
        if _PERSONAL.search(column.name):
            meta["pii"] = True
        if meta:
            entry["config"] = {"meta": meta}
        columns.append(entry)
    return columns


def _model_sql(sample: Sample, wanted: Wanted) -> str:
    technical = ["_batch_id", "_extracted_at"]
    if wanted.connector != "database":
        technical += ["_source_file", "_source_line"]
    names = [_selected(column.name) for column in sample.columns]
    selected = ",\n        ".join([*names, *technical])
    return (
        f"with\n\nsource as (\n    select * from {{{{ current_rows('{wanted.source}', "
        f"'{wanted.table}') }}}}\n),\n\nrenamed as (\n    select\n        {selected}\n"
        "    from source\n)\n\nselect * from renamed\n"
    )


def _selected(name: str) -> str:
    plain = plain_name(name)
    if plain == name:
        return name
    quoted = '"' + name.replace('"', '""') + '"'
    return f"{quoted} as {plain}"


@cache
def _reserved() -> frozenset[str]:
    with duckdb.connect() as session:
        rows = session.execute(
            "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
        ).fetchall()
    return frozenset(row[0] for row in rows)


def plain_name(name: str) -> str:
    """A column name that needs no quotes: `Precio Unitario` gives `precio_unitario`."""
    if _PLAIN.fullmatch(name) and name not in _reserved():
        return name
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "columna"
    return f"{plain}_" if plain in _reserved() else f"_{plain}" if plain[0].isdigit() else plain


def _model_entry(model: str, sample: Sample, key: Sequence[str], full_name: str) -> dict[str, Any]:
    columns: list[dict[str, Any]] = []
    for column in sample.columns:
        entry: dict[str, Any] = {"name": plain_name(column.name)}
        if column.name in key:
            tests: list[Any] = [{"not_null": {"config": {"severity": "error"}}}]
            if len(key) == 1:
                tests.append({"unique": {"config": {"severity": "error"}}})
            entry["data_tests"] = tests
        columns.append(entry)
    found: dict[str, Any] = {"name": model, "description": f"Current rows of {full_name}."}
    if len(key) > 1:
        names = [plain_name(name) for name in key]
        found["data_tests"] = [
            {
                "unique_combination": {
                    "arguments": {"columns": names},
                    "config": {"severity": "error"},
                }
            }
        ]
    found["columns"] = columns
    return found
