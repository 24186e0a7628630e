"""`config.meta` of a table: how it is loaded, found, read and judged."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from lakehouse.connector_options import ApiOptions, DatabaseOptions
from lakehouse.expected_files import ExpectedFiles
from lakehouse.format_options import CsvDialect, FileFormat, FileOptions, Strict

Connector = Literal["files", "sftp", "database", "api"]

FIELDS_OF: dict[str, type[Strict]] = {
    "file": FileOptions,
    "database": DatabaseOptions,
    "api": ApiOptions,
}


class TableMeta(Strict):
    """`config.meta` of a table, over the defaults of its source.

    The fields of `file`, `database` and `api` stand in YAML beside the others, not below them.

    Attributes:
        ready_marker: name of the file that says another is complete, such as `{name}.ok`.
        after_load: whether a file of a local folder moves to `processed/` once it is loaded.
        required: whether a listing without any file of the table is an error.
        open_columns: whether files may bring any further columns, which nobody is asked to declare.
        expected: when its files are due; None where no moment is known.
    """

    load: Literal["snapshot", "incremental", "append"]
    key: tuple[str, ...] = ()
    cursor: str | None = None
    pattern: str | None = None
    regex: str | None = None
    format: FileFormat = "csv"
    dialects: tuple[CsvDialect, ...] = (CsvDialect(),)
    settle_seconds: float = Field(default=1.0, ge=0, le=3600)
    ready_marker: str | None = None
    after_load: Literal["keep", "move"] = "keep"
    required: bool = False
    open_columns: bool = False
    expected: ExpectedFiles | None = None
    file: FileOptions = FileOptions()
    database: DatabaseOptions | None = None
    api: ApiOptions | None = None
    max_reject_share: float = Field(default=0.05, ge=0, le=1)
    min_row_share: float = Field(default=0.5, ge=0, le=1)
    owner: str | None = None
    publish: bool = False

    @field_validator("regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from None
        return value

    @field_validator("ready_marker")
    @classmethod
    def _names_the_file(cls, value: str | None) -> str | None:
        if value is not None and ("{name}" not in value or "/" in value or value == "{name}"):
            raise ValueError("must hold {name}, differ from it and have no slash, as in {name}.ok")
        return value

    @model_validator(mode="after")
    def _fits_its_load(self) -> "TableMeta":
        if self.load == "incremental" and not self.key:
            raise ValueError("load: incremental needs key")
        if not self.dialects:
            raise ValueError("dialects is empty: a table of text needs at least one")
        return self


def fitting_meta(meta: dict[str, Any], connector: str | None) -> dict[str, Any]:
    """Sort the flat fields of YAML to where the models have them.

    Args:
        meta: fields as written, without connector and block.
        connector: of the source, which decides what `records` or `path` belong to.
    """
    groups = ["file"]
    if connector in ("database", "api"):
        groups.append(connector)
    sorted_meta = {name: value for name, value in meta.items() if name not in FIELDS_OF}
    for group in groups:
        fields = {
            name: sorted_meta.pop(name)
            for name in FIELDS_OF[group].model_fields
            if name in sorted_meta
        }
        if fields or group == connector:
            sorted_meta[group] = fields
    if connector == "api":
        sorted_meta.setdefault("format", "json")
    return sorted_meta


def faults_for(meta: TableMeta, connector: str) -> list[str]:
    """What a table's meta lacks, or has too much, for its connector and format."""
    named = bool(meta.pattern) + bool(meta.regex)
    from_files = connector in ("files", "sftp")
    params = meta.api.params.values() if meta.api else ()
    wrong = [
        (
            from_files and named != 1,
            "give either pattern (a glob) or regex, over the whole file name",
        ),
        (
            not from_files and named > 0,
            f"pattern and regex are for files, not for connector {connector}",
        ),
        (
            meta.after_load == "move" and connector != "files",
            "after_load: move is for local folders, connector files",
        ),
        (
            meta.ready_marker is not None and not from_files,
            f"ready_marker is for files, not for connector {connector}",
        ),
        (
            meta.required and not from_files,
            f"required is for files, not for connector {connector}",
        ),
        (
            meta.expected is not None and not from_files,
            f"expected is for files, not for connector {connector}",
        ),
        (
            meta.expected is not None
            and meta.expected.name_date is not None
            and "%" not in meta.expected.name_date
            and meta.expected.name_date not in re.compile(meta.regex or "").groupindex,
            "expected.name_date is neither a strftime format nor a named group of regex",
        ),
        (
            meta.required and meta.after_load == "move",
            "required does not go with after_load: move, which empties the folder",
        ),
        (
            meta.open_columns and (not from_files or meta.format == "fixed_width"),
            "open_columns is for files whose header names their columns",
        ),
        (
            meta.load == "incremental" and not meta.cursor and not from_files,
            f"load: incremental of connector {connector} needs cursor",
        ),
        (
            connector == "database" and meta.load == "append",
            "load: append is for files; a database table is snapshot or incremental",
        ),
        (
            connector == "api" and meta.format not in ("json", "ndjson", "csv"),
            "an API answers in format json, ndjson or csv",
        ),
        (
            meta.load != "incremental" and any("{cursor}" in text for text in params),
            "{cursor} in params needs load: incremental",
        ),
        (
            meta.format == "xml" and not meta.file.record_path,
            "format xml needs record_path, such as /catalogo/producto",
        ),
        (
            meta.format not in ("csv", "fixed_width") and len(meta.dialects) > 1,
            f"format {meta.format} takes one dialect, not {len(meta.dialects)}",
        ),
    ]
    return [message for is_wrong, message in wrong if is_wrong]
