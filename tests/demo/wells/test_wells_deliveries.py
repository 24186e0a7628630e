"""The generated files of wells: the same from the same seed, as different as real ones."""

import csv
import re

import pytest

from demo.wells.deliveries import FULL_ROWS, THREE_WEEKS, size_at, write_wells
from demo.wells.fleet import MOST_WELLS

ROWS = 600
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[+-]\d\d:?\d\d")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return write_wells(tmp_path_factory.mktemp("wells"), wells=3, rows=ROWS)


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_each_well_has_three_files_by_its_number(told):
    assert [path.name for path in told.paths[:4]] == [
        "AYATSIL-139_all.csv",
        "BEC_AYATSIL-139_all.csv",
        "Eventos_AYATSIL-139_all.csv",
        "AYATSIL-457_all.csv",
    ]
    assert len(told.paths) == 9


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(told, tmp_path):
    again = write_wells(tmp_path / "again", wells=3, rows=ROWS)
    other = write_wells(tmp_path / "other", wells=3, rows=ROWS, seed=8)
    content = [path.read_bytes() for path in told.paths]
    assert [path.read_bytes() for path in again.paths] == content
    assert again.defects == told.defects
    assert [path.read_bytes() for path in other.paths] != content


def test_defects_are_told_as_they_are_in_the_files(told):
    readings = [read(path) for path in told.paths[::3]]
    assert len({tuple(lines[0]) for lines in readings}) == 3
    lines = [line for of_well in readings for line in of_well[1:]]
    assert len(lines) == told.defects.lines
    bad = [line for line in lines if not MOMENT.fullmatch(line[0])]
    assert len(bad) == told.defects.bad_moments
    texts = [cell for line in lines for cell in line[1:] if not re.fullmatch(r"[\d.]*", cell)]
    assert len(texts) == told.defects.texts
    assert "1,234.5" in texts
    repeated = [len(well) - len({line[0] for line in well}) for well in readings]
    assert sum(repeated) == told.defects.repeated
    forms = {re.sub(r"\d", "", line[0][10:11]) + line[0][19:] for line in lines}
    assert {" -0600", "T-06:00"} <= forms
    assert all(len(well) - 1 < ROWS for well in readings)


def test_stops_that_have_not_ended_and_stops_that_cannot_be_are_there(told):
    stops = [line for path in told.paths[2::3] for line in read(path)[1:]]
    bad = [line for line in stops if "-02-30" in line[2]]
    still = [line for line in stops if not line[3] and line not in bad]
    assert (len(bad), len(still)) == (told.defects.bad_stops, told.defects.open_stops)


def test_a_scale_brings_more_wells_and_then_longer_files():
    assert size_at(1) == (2, THREE_WEEKS)
    assert size_at(25) == (MOST_WELLS, THREE_WEEKS)
    assert size_at(50) == (MOST_WELLS, 2 * THREE_WEEKS)
    assert size_at(10_000) == (MOST_WELLS, FULL_ROWS)


@pytest.mark.parametrize("size", [{"wells": 0}, {"wells": 51}, {"rows": 10}])
def test_sizes_that_cannot_be_are_refused(size, tmp_path):
    with pytest.raises(ValueError, match="must be"):
        write_wells(tmp_path, **size)
