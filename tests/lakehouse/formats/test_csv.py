import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.errors import DeliveryRefused, ResourcesExhausted
from lakehouse.formats.csv.reader import stage_csv
from lakehouse.formats.staging_limits import StagingLimits

CELLS = st.text(
    st.one_of(
        st.sampled_from(list("ab \t,;|\"'\n\r#\\")),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=6,
)


def dialect(delimiter=",", **fields):
    return ({"delimiter": delimiter, **fields},)


@st.composite
def written_files(draw):
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.tuples(*[CELLS] * width), max_size=8))
    delimiter = draw(st.sampled_from(",;\t|"))
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    quote_all = draw(st.booleans()) or any("\r" in cell for row in rows for cell in row)
    return width, rows, delimiter, line_end, quote_all


@settings(max_examples=70, deadline=None)
@given(file=written_files())
def test_whatever_a_csv_writer_writes_is_read_back_with_its_lines(
    stage, make_table, rows_of, lines_of, file
):
    width, rows, delimiter, line_end, quote_all = file
    names = [f"c{number}" for number in range(width)]
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerows([names, *rows])

    staged = stage(text.getvalue().encode(), make_table(names, dialect(delimiter)))

    keeps_empty = quote_all or width == 1
    expected = [tuple(cell if cell or keeps_empty else None for cell in row) for row in rows]
    assert rows_of(staged) == expected
    assert lines_of(staged) == starting_lines(text.getvalue(), delimiter)
    assert staged.rejects == ()


def starting_lines(text: str, delimiter: str) -> list[int]:
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter)
    starts, last = [], 0
    for _ in reader:
        starts.append(last + 1)
        last = reader.line_num
    return starts[1:]


RECORDS = st.sampled_from(
    [
        ("good", "{n},ñandú,x"),
        ("good", '{n},"two\nlines, ""é""",x'),
        ("good", "{n},é,"),
        ("few", "{n},é"),
        ("few", '"{n}\n"'),
        ("many", "{n},a,b,c,d"),
        ("many", '{n},a,b,"c\nd"'),
        ("closed", '{n},"é"x,y'),
        ("bytes", "{n},\udcff,x"),
        ("blank", ""),
    ]
)


@settings(max_examples=70, deadline=None)
@given(
    records=st.lists(RECORDS, max_size=12),
    line_end=st.sampled_from(["\n", "\r\n"]),
    ending=st.sampled_from(["", "{end}", '7,"never{end}closed{end}']),
)
def test_every_record_is_a_row_or_a_reject_and_both_know_their_line(
    stage, make_table, rows_of, lines_of, records, line_end, ending
):
    text, good, bad = f"a,b,c{line_end}0,ñññññññññññññ,x{line_end}", [(2, "0")], []
    for number, (kind, record) in enumerate(records, 1):
        line = text.count("\n") + 1
        if kind != "blank":
            (good if kind == "good" else bad).append((line, f"{number}"))
        text += record.format(n=number) + line_end
    if "never" in ending:
        bad.append((text.count("\n") + 1, "7"))
    text += ending.format(end=line_end)

    staged = stage(text.encode("utf-8", "surrogateescape"), make_table(["a", "b", "c"], dialect()))

    assert list(zip(lines_of(staged), [row[0] for row in rows_of(staged)], strict=True)) == good
    assert [
        (reject.line, reject.raw.lstrip('"')[: len(n)])
        for reject, (_, n) in zip(staged.rejects, bad, strict=True)
    ] == bad


@pytest.mark.parametrize(
    ("record", "column", "reason"),
    [
        (b"1,2", "c", "has 2 of 3 columns"),
        (b"1,2,3,4,5", None, "has 5 columns instead of 3"),
        (b'1,"secret"x,3', "b", "a quote is not closed, or text follows a closing quote"),
        (b"1,2,\xff", "c", "holds bytes that are not UTF-8"),
    ],
)
def test_a_reject_says_why_and_keeps_the_record_as_delivered(
    stage, make_table, record, column, reason
):
    content = "a,b,c\n1,éé,3\n".encode() + record + b"\n4,5,6\n"
    (reject,) = stage(content, make_table(["a", "b", "c"])).rejects
    assert (reject.line, reject.column, reject.reason) == (3, column, reason)
    assert reject.raw == record.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize("content", [b"a\n1\n\n3\n", b"a\r\n1\r\n\r\n3\r\n", b"a\r1\r\r3"])
def test_a_blank_line_of_a_file_with_one_column_is_a_row_without_value(
    stage, make_table, rows_of, lines_of, content
):
    staged = stage(content, make_table(["a"]))
    assert rows_of(staged) == [("1",), (None,), ("3",)]
    assert lines_of(staged) == [2, 3, 4]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a,b\n1,2\r\n3,4\n\r\n5,6\r\n", [2, 3, 5]),
        (b"a,b\r\n1,2\n3,4\r\n5,6", [2, 3, 4]),
        (b'a,b\n1,2\r\n3,"4"\n"5","6\r\n"\n', [2, 3, 4]),
        (b"a,b\r1,2\r3,4\r5,6", [2, 3, 4]),
        (b"\n\na,b\n1,2\n3,4\n5,6\n", [4, 5, 6]),
        (b'\n"a","b\n"\n1,2\n3,4\n5,6\n', [4, 5, 6]),
    ],
)
def test_line_ends_may_be_mixed_and_lines_may_be_blank(
    stage, make_table, rows_of, lines_of, content, lines
):
    staged = stage(content, make_table(["a", "b"]))
    assert [row[0] for row in rows_of(staged)] == ["1", "3", "5"]
    assert rows_of(staged)[1] == ("3", "4")
    assert lines_of(staged) == lines


def test_a_lone_carriage_return_outside_quotes_is_refused_with_its_line(stage, make_table):
    with pytest.raises(DeliveryRefused, match="line 3 has a carriage return"):
        stage(b"a,b\n1,2\n3,x\ry\n", make_table(["a", "b"]))


def test_a_quote_that_swallows_the_file_refuses_it_instead_of_losing_rows(stage, make_table):
    content = b'a,b\n1,2\n3,"x\n' + b"5,6\n" * 3_000_000
    with pytest.raises(DeliveryRefused, match=r"line 3 is never closed"):
        stage(content, make_table(["a", "b"]))


def test_a_stray_pair_of_quotes_far_apart_refuses_the_file(stage, make_table):
    content = b'a,b\n1,2\n3,"x\n' + b"5,6\n" * 3_000_000 + b'7,"y"\n5,6\n'
    with pytest.raises(DeliveryRefused, match=r"record of line 3 is longer"):
        stage(content, make_table(["a", "b"]))


def test_a_million_messy_rows_lose_none(stage, make_table, lines_of):
    content = b"a,b\n" + (b"1,2\n" * 9_999 + b"bad\n") * 100
    staged = stage(content, make_table(["a", "b"]))
    assert (staged.rows, len(staged.rejects)) == (999_900, 100)
    assert staged.rejects[-1].line == 1_000_001
    assert lines_of(staged)[9_998:10_000] == [10_000, 10_002]


def test_more_rejects_than_can_be_kept_refuse_the_file(stage, make_table):
    content = b"a,b\n" + b"1,2\n" * 1_000 + b"bad\n" * 100_001
    with pytest.raises(DeliveryRefused, match="more than 100000 records") as refusal:
        stage(content, make_table(["a", "b"]))
    assert refusal.value.rows == 101_001


def test_text_is_kept_byte_for_byte_and_only_unquoted_emptiness_is_null(stage, make_table, rows_of):
    content = b'a,b,c,d\n001, x ,"",\nNULL,"NULL",#1,\\N\n'
    staged = stage(content, make_table(["a", "b", "c", "d"]))
    assert rows_of(staged) == [("001", " x ", "", None), ("NULL", "NULL", "#1", "\\N")]


def test_a_header_alone_gives_no_rows(stage, make_table, rows_of):
    staged = stage(b"a,b", make_table(["a", "b"]))
    assert (staged.rows, rows_of(staged), staged.header) == (0, [], ("a", "b"))


def test_a_new_column_is_loaded_as_text_and_reported(stage, make_table, rows_of):
    staged = stage(b"b, it's {new} ,a\n1,2,3\n", make_table(["a", "b"]))
    assert staged.new_columns == ("it's {new}",)
    assert staged.header == ("b", "it's {new}", "a")
    assert rows_of(staged) == [("1", "2", "3")]


@pytest.mark.parametrize(
    ("name", "decoy"), [("v[1].csv", "v1.csv"), ("v*.csv", "va.csv"), ("v.csv.gz", "v.csv")]
)
def test_a_name_is_never_taken_for_a_pattern_or_a_format(
    tmp_path, stage, make_table, rows_of, name, decoy
):
    stage(b"a\nwrong\n", make_table(["a"]), decoy)
    assert rows_of(stage(b"a\nright\n", make_table(["a"]), name)) == [("right",)]


def test_folders_that_look_like_partitions_add_no_column(tmp_path, make_table, rows_of):
    folder = tmp_path / "year=2024" / "[x]"
    folder.mkdir(parents=True)
    (folder / "v.csv").write_bytes(b"a\n1\n")
    staged = stage_csv(folder / "v.csv", make_table(["a"]), folder / "scratch")
    assert rows_of(staged) == [("1",)]


def test_scratch_holds_the_staged_file_alone_and_nothing_after_a_refusal(tmp_path, make_table):
    file, scratch = tmp_path / "v.csv", tmp_path / "scratch"
    file.write_bytes("a,b\nñ,2\n".encode("utf-16"))
    staged = stage_csv(file, make_table(["a", "b"]), scratch)
    assert list(scratch.iterdir()) == [staged.path]
    staged.path.unlink()
    with pytest.raises(DeliveryRefused):
        stage_csv(file, make_table(["a", "c"]), scratch)
    assert list(scratch.iterdir()) == []


def test_a_wide_file_stages_within_the_memory_limit(tmp_path, make_table):
    names = [f"c{number}" for number in range(300)]
    row = ",".join(f"value {number}" for number in range(300))
    (tmp_path / "v.csv").write_text(",".join(names) + "\n" + (row + "\n") * 20_000)
    staged = stage_csv(tmp_path / "v.csv", make_table(names), tmp_path / "scratch")
    assert staged.rows == 20_000


def test_too_little_memory_is_not_the_file_s_fault(tmp_path, make_table):
    (tmp_path / "v.csv").write_bytes(b"a,b\n" + b"1,2\n" * 100_000)
    limits = StagingLimits(memory="1MB")
    with pytest.raises(ResourcesExhausted, match=r"ventas, file v\.csv.*ALJIBE_DUCKDB_MEMORY"):
        stage_csv(tmp_path / "v.csv", make_table(["a", "b"]), tmp_path / "s", limits=limits)
    assert list((tmp_path / "s").iterdir()) == []
