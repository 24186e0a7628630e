"""What was made to hurt: each case in a process of its own, bounded in time and memory."""

import pytest

# Python with pyarrow, pandas-free, takes about 150 MB; DuckDB is held to 256 MB.
MEGABYTES = 600


@pytest.fixture
def outcome_of(staged_alone, write_pieces, make_table):
    """Stage a file of pieces, each repeated, in bounded memory and time."""

    def outcome(name: str, data_format: str, recipe: list[tuple[str, int]]) -> dict:
        columns = {"a": {"start": 1, "length": 1} if data_format == "fixed_width" else "varchar"}
        table = make_table(columns, ({},), pattern="*", format=data_format)
        told = staged_alone(write_pieces(name, *recipe), table)
        assert told["peak_mb"] < MEGABYTES
        return told

    return outcome


@pytest.mark.parametrize(
    ("data_format", "recipe", "reason"),
    [
        ("json", [("[", 2_000_000)], "cut off within record 1"),
        ("json", [('{"x":', 1_000_000)], "cut off within record 1"),
        ("json", [("[", 1), ('{"a":1},', 500_000)], "cut off within record 500001"),
        ("json", [('"', 1), ("x", 30_000_000)], "neither an array nor an object"),
        ("fixed_width", [("x", 30_000_000)], "longer than 1 MiB"),
        ("json", [("\\", 10_000_001)], "neither an array nor an object"),
    ],
)
def test_a_hostile_file_is_refused(
    outcome_of, data_format: str, recipe: list[tuple[str, int]], reason: str
):
    assert reason in outcome_of("hostile.txt", data_format, recipe)["refusal"]


@pytest.mark.parametrize(
    ("data_format", "recipe", "reason"),
    [
        (
            "ndjson",
            [('{"a":', 1), ("[", 1_000_000), ("]", 1_000_000), ('}\n{"a":1}\n', 1)],
            "nested more than 200 levels deep",
        ),
        (
            "json",
            [('[{"a":', 1), ('{"b":', 500_000), ("1", 1), ("}", 500_000), ('},{"a":1}]', 1)],
            "nested more than 200 levels deep",
        ),
        (
            "ndjson",
            [('{"a":"', 1), ("x", 60_000_000), ('"}\n{"a":1}\n', 1)],
            "longer than 16 MiB",
        ),
        (
            "json",
            [('[{"a":"', 1), ("\\\\", 20_000_000), ('"},{"a":1}]', 1)],
            "longer than 16 MiB",
        ),
    ],
)
def test_a_hostile_record_is_rejected_and_the_other_one_loaded(
    outcome_of, data_format: str, recipe: list[tuple[str, int]], reason: str
):
    found = outcome_of("hostile.txt", data_format, recipe)
    assert found["rows"] == 1
    (said,) = found["rejects"]
    assert reason in said


def test_a_gzip_bomb_is_refused_at_its_limit(outcome_of):
    found = outcome_of("bomb.csv.gz", "csv", [("\0", 1 << 30)])
    assert "which is beyond" in found["refusal"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("data_format", "recipe"),
    [
        (
            "json",
            [("[", 1), ('{"a":"0123456789 0123456789","b":1.5},', 4_000_000), ('{"a":0}]', 1)],
        ),
        ("ndjson", [('{"a":"0123456789 0123456789","b":1.5}\n', 4_000_000), ('{"a":0}', 1)]),
        ("ndjson", [('{"a":"0123456789 0123456789","b":1.5}\nx\n', 90_000), ('{"a":0}', 1)]),
        ("fixed_width", [("1\n", 20_000_000), ("0", 1)]),
    ],
)
def test_memory_is_flat_in_the_size_of_a_file(
    outcome_of, data_format: str, recipe: list[tuple[str, int]]
):
    found = outcome_of("large.txt", data_format, recipe)
    assert found["rows"] == recipe[-2][1] + 1
