from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.fixed_width import lines as fixed_width_lines
from lakehouse.formats.fixed_width import reader as fixed_width
from lakehouse.formats.fixed_width.reader import stage_fixed_width
from lakehouse.formats.staged_file import StagedFile
from lakehouse.source_catalog import Table

Stage = Callable[..., StagedFile]
NAME_AND_COUNT = {"name": (1, 4), "count": (5, 3)}


def table_of(places: dict[str, tuple[int, int]], header_row: int = 0, **dialect: Any) -> Table:
    return Table.model_validate(
        {
            "source": "shop",
            "name": "stock",
            "connector": "files",
            "block": "landing",
            "schema_name": "raw",
            "meta": {
                "load": "append",
                "pattern": "*",
                "format": "fixed_width",
                "dialects": [dialect],
                "file": {"header_row": header_row},
            },
            "columns": [
                {"name": name, "start": start, "length": length}
                for name, (start, length) in places.items()
            ],
            "file": Path("_shop__sources.yml"),
        }
    )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Write content to a file and stage it."""

    def write_and_stage(
        content: str | bytes,
        places: dict[str, tuple[int, int]] = NAME_AND_COUNT,
        **options: Any,
    ) -> StagedFile:
        file = tmp_path / "stock.txt"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return stage_fixed_width(file, table_of(places, **options), tmp_path / "scratch")

    return write_and_stage


def rows_of(staged: StagedFile) -> list[tuple[Any, ...]]:
    with duckdb.connect() as session:
        return session.execute(f"from '{staged.path}'").fetchall()


def lines_of(staged: StagedFile) -> list[int]:
    assert staged.line_breaks is not None
    return staged.line_breaks.lines_of(np.arange(staged.rows)).tolist()


def test_places_are_characters_and_padding_on_the_right_goes(stage: Stage):
    staged = stage("ñandú1 \nab    7\n😀e\u0301 007\n")
    assert rows_of(staged) == [("ñand", "ú1"), ("ab", "  7"), ("😀e\u0301", "007")]
    assert (staged.header, lines_of(staged)) == (("name", "count"), [1, 2, 3])


def test_a_blank_value_is_null_and_a_tab_is_none(stage: Stage):
    assert rows_of(stage("      7\nab  \t  \n")) == [(None, "  7"), ("ab", "\t")]


def test_short_and_long_lines_are_rejected_with_their_line(stage: Stage):
    staged = stage("ab  007\nab  07\nab  0078\n\nab  007   \r\n   \nab  008\n")
    assert rows_of(staged) == [("ab", "007"), ("ab", "007"), ("ab", "008")]
    assert lines_of(staged) == [1, 5, 7]
    assert [(r.line, r.reason, r.raw) for r in staged.rejects] == [
        (2, "has 6 characters instead of 7", "ab  07"),
        (3, "has 8 characters instead of 7", "ab  0078"),
        (4, "is blank", ""),
        (6, "has 3 characters instead of 7", "   "),
    ]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n  \n", "\n\x1a", "\x1a", "\n\t\r\n \x1a\n"])
def test_blank_lines_at_the_end_are_no_records(stage: Stage, end: str):
    staged = stage(f"ab  007\ncd  0  {end}")
    assert rows_of(staged) == [("ab", "007"), ("cd", "0")]
    assert staged.rejects == ()


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_any_line_end_ends_a_line(stage: Stage, line_end: str):
    staged = stage(f"ab  007{line_end}cd  008{line_end}")
    assert rows_of(staged) == [("ab", "007"), ("cd", "008")]


def test_lines_before_the_records_are_skipped(stage: Stage):
    staged = stage("name and count\n\nab  007\nx\ncd  008\n", header_row=2)
    assert rows_of(staged) == [("ab", "007"), ("cd", "008")]
    assert lines_of(staged) == [3, 5]
    assert [reject.line for reject in staged.rejects] == [4]
    assert stage("only a header\n", header_row=3).rows == 0


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t", '"', "\\", "\x01", "\0"])
def test_no_character_is_a_delimiter_or_a_quote(stage: Stage, delimiter: str):
    assert rows_of(stage(f"a{delimiter}b{delimiter}7{delimiter}7\n")) == [
        (f"a{delimiter}b{delimiter}", f"7{delimiter}7")
    ]


@pytest.mark.parametrize(("encoding", "declared"), [("latin-1", "latin-1"), ("utf-16", "utf-8")])
def test_other_encodings_are_read(stage: Stage, encoding: str, declared: str):
    staged = stage("ñá  007\n".encode(encoding), encoding=declared)
    assert rows_of(staged) == [("ñá", "007")]


def test_bytes_that_are_no_text_reject_their_line(stage: Stage):
    staged = stage("ñáéí001\n".encode() + b"\xff   002\n" + "ñ   003".encode())
    assert rows_of(staged) == [("ñáéí", "001"), ("ñ", "003")]
    assert [(r.line, r.reason, r.raw) for r in staged.rejects] == [
        (2, "holds bytes that are not UTF-8", r"\xff   002")
    ]


def test_what_stands_between_columns_is_told(stage: Stage):
    places = {"name": (1, 2), "count": (5, 3)}
    assert stage("ab  007\n", places).warnings == ()
    (warning,) = stage("ab  007\nabx 008\n", places).warnings
    assert warning.startswith("characters 3-4 belong to no column")


def test_columns_may_overlap(stage: Stage):
    assert rows_of(stage("abc\n", {"all": (1, 3), "middle": (2, 1)})) == [("abc", "b")]


def test_lines_keep_their_numbers_over_blocks(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fixed_width_lines, "BLOCK_BYTES", 50)
    lines = ["bad" if n % 7 == 3 else f"r{n:<3}{n:03}" for n in range(100)]
    staged = stage("\n".join(lines), header_row=8)
    good = [n for n in range(8, 100) if n % 7 != 3]
    assert [row[1] for row in rows_of(staged)] == [f"{n:03}" for n in good]
    assert lines_of(staged) == [n + 1 for n in good]
    assert [reject.line for reject in staged.rejects] == [
        n + 1 for n in range(8, 100) if n % 7 == 3
    ]


def test_a_text_without_lines_is_refused(stage: Stage):
    with pytest.raises(DeliveryRefused, match="a line is longer than 1 MiB"):
        stage("a" * 6_000_000)


def test_too_many_bad_lines_are_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fixed_width, "_MOST_REJECTS", 10)
    with pytest.raises(DeliveryRefused, match="more than 10 lines are no records; the first, lin"):
        stage("x\n" * 12)


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_refused(stage: Stage, content: str):
    with pytest.raises(DeliveryRefused, match="is empty"):
        stage(content)
