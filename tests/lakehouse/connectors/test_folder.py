import os
from pathlib import Path

import pytest

from lakehouse.connectors.file_store import files_of, settled
from lakehouse.connectors.folder import FoundFile, LocalFolder, assert_unchanged, find_files
from lakehouse.errors import DeliveryMoving, LandingFolderMissing
from lakehouse.source_catalog import Table


def make_table(**meta) -> Table:
    return Table.model_validate(
        {
            "source": "pharma_files",
            "name": "ventas",
            "connector": "files",
            "block": "landing-pharma",
            "schema_name": "raw",
            "meta": {"load": "append", **meta},
            "columns": [{"name": "a"}],
            "file": Path("_pharma__sources.yml"),
        }
    )


SALES = make_table(pattern="ventas_arg*.csv")


def write(path: Path, content: str = "a\n1\n", mtime_ns: int = 1_000_000_000) -> Path:
    path.write_text(content)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def names(files) -> list[str]:
    return [file.name for file in files]


def test_files_come_in_the_order_of_their_last_change_then_name(tmp_path):
    write(tmp_path / "ventas_arg_b.csv", mtime_ns=1)
    write(tmp_path / "ventas_arg_a.csv", mtime_ns=2)
    write(tmp_path / "ventas_arg_0.csv", mtime_ns=2)
    found = find_files(tmp_path, SALES)
    assert names(found) == ["ventas_arg_b.csv", "ventas_arg_0.csv", "ventas_arg_a.csv"]
    assert found[0] == FoundFile("ventas_arg_b.csv", 4, 1, {})


@pytest.mark.parametrize(
    "name",
    [
        "ventas_arg.csv.part",
        "ventas_arg.csv.TMP",
        ".ventas_arg.csv",
        "xventas_arg.csv",
        "ventas_arg.csv2",
        "Ventas_arg.csv",
    ],
)
def test_unfinished_hidden_and_other_files_are_left_out(tmp_path, name):
    write(tmp_path / name)
    assert find_files(tmp_path, SALES) == []


@pytest.mark.parametrize("name", [".a.csv", "a.csv.part", "a.csv.tmp", "a.csv.filepart"])
def test_a_pattern_for_everything_still_leaves_out_what_is_not_complete(tmp_path, name):
    write(tmp_path / name)
    assert find_files(tmp_path, make_table(pattern="*")) == []


def test_named_groups_of_a_regex_over_the_whole_name_are_captured(tmp_path):
    table = make_table(regex=r"ventas_(?P<pais>[a-z]{3})(_v(?P<version>\d+))?\.csv")
    for name in ("ventas_arg.csv", "ventas_bra_v2.csv", "old_ventas_bra.csv", "ventas_bra.csv~"):
        write(tmp_path / name)
    assert [file.captured for file in find_files(tmp_path, table)] == [
        {"pais": "arg", "version": ""},
        {"pais": "bra", "version": "2"},
    ]


def test_only_regular_files_directly_in_the_folder_count(tmp_path):
    outside = write(tmp_path / "secret.csv")
    landing = tmp_path / "landing"
    (landing / "ventas_arg_dir.csv").mkdir(parents=True)
    write(landing / "ventas_arg_dir.csv" / "ventas_arg.csv")
    (landing / "ventas_arg_link.csv").symlink_to(outside)
    os.mkfifo(landing / "ventas_arg_pipe.csv")
    assert find_files(landing, SALES) == []


@pytest.mark.parametrize("name", ["ventas_arg\n.csv", "ventas_arg\x1b[1m.csv", "ventas_arg\\.csv"])
def test_a_name_that_cannot_be_shown_is_left_alone_and_told_escaped(tmp_path, name):
    write(tmp_path / name)
    write(tmp_path / "ventas_arg_good.csv")
    assert [file.name for file in find_files(tmp_path, SALES)] == ["ventas_arg_good.csv"]
    told = files_of(SALES, LocalFolder(tmp_path).listing(SALES)).unusable
    assert len(told) == 1
    assert told[0].isprintable()
    assert told[0] != name


def test_a_missing_folder_says_what_to_do(tmp_path):
    with pytest.raises(LandingFolderMissing, match=r"Create it .*block landing-pharma"):
        find_files(tmp_path / "nowhere", SALES)
    with pytest.raises(LandingFolderMissing, match="Not a directory"):
        find_files(write(tmp_path / "file"), SALES)


def test_a_second_look_tells_resting_files_from_moving_ones(tmp_path):
    for name in ("a", "grows", "touched", "gone"):
        write(tmp_path / f"ventas_arg_{name}.csv")
    before = find_files(tmp_path, SALES)
    write(tmp_path / "ventas_arg_grows.csv", "a\n1\n2\n")
    write(tmp_path / "ventas_arg_touched.csv", mtime_ns=1_000_000_001)
    (tmp_path / "ventas_arg_gone.csv").unlink()
    resting, moving = settled(LocalFolder(tmp_path), before)
    assert names(resting) == ["ventas_arg_a.csv"]
    assert sorted(names(moving)) == [
        "ventas_arg_gone.csv",
        "ventas_arg_grows.csv",
        "ventas_arg_touched.csv",
    ]


def test_a_file_that_changed_while_it_was_read_is_still_moving(tmp_path):
    file = write(tmp_path / "ventas_arg.csv")
    (found,) = find_files(tmp_path, SALES)
    assert_unchanged(tmp_path, found)
    write(file, "a\n1\n2\n")
    with pytest.raises(DeliveryMoving, match="4 bytes then, 6 now"):
        assert_unchanged(tmp_path, found)
    file.unlink()
    with pytest.raises(DeliveryMoving, match="is gone"):
        assert_unchanged(tmp_path, found)


def test_a_loaded_file_moves_to_processed_and_nothing_there_is_replaced(tmp_path):
    store = LocalFolder(tmp_path)
    for number, name in enumerate(("ventas_arg.csv", "ventas_arg.5.csv", "ventas_arg.5.2.csv")):
        write(tmp_path / "ventas_arg.csv", f"a\n{number}\n", mtime_ns=5)
        (found,) = find_files(tmp_path, SALES)
        assert store.set_aside(found) == f"processed/{name}"
    kept = {path.name: path.read_text() for path in (tmp_path / "processed").iterdir()}
    assert kept == {
        "ventas_arg.csv": "a\n0\n",
        "ventas_arg.5.csv": "a\n1\n",
        "ventas_arg.5.2.csv": "a\n2\n",
    }
    assert find_files(tmp_path, SALES) == []


def test_a_file_that_came_after_the_one_that_was_loaded_stays(tmp_path):
    write(tmp_path / "ventas_arg.csv", mtime_ns=5)
    (found,) = find_files(tmp_path, SALES)
    write(tmp_path / "ventas_arg.csv", "a\n1\n2\n", mtime_ns=6)
    assert LocalFolder(tmp_path).set_aside(found) is None
    assert (tmp_path / "ventas_arg.csv").read_text() == "a\n1\n2\n"
    assert list((tmp_path / "processed").iterdir()) == []


def test_a_file_that_is_gone_moves_nothing(tmp_path):
    write(tmp_path / "ventas_arg.csv", mtime_ns=5)
    (found,) = find_files(tmp_path, SALES)
    (tmp_path / "ventas_arg.csv").unlink()
    assert LocalFolder(tmp_path).set_aside(found) is None
    assert list((tmp_path / "processed").iterdir()) == []


def test_local_files_are_read_where_they_are(tmp_path):
    write(tmp_path / "ventas_arg.csv")
    found = find_files(tmp_path, SALES)
    (fetched,) = LocalFolder(tmp_path).fetch(found, tmp_path / "scratch", print)
    assert (fetched.folder, fetched.local_name, fetched.fault) == (tmp_path, None, None)
    assert not (tmp_path / "scratch").exists()
