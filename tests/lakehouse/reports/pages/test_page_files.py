import os
import resource
import signal
import time
from pathlib import Path

import pytest

from lakehouse.reports.pages.page_files import PageFiles, remove_abandoned


def test_a_file_is_written_once_and_again_only_when_its_content_changed(tmp_path: Path) -> None:
    files = PageFiles(tmp_path / "sales")
    path = files.write("tests/a.html", "one")
    os.utime(path, (1, 1))
    files.write("tests/a.html", "one")
    assert path.stat().st_mtime == 1
    files.write("tests/a.html", "two")
    assert path.read_text() == "two"
    assert (files.written, files.unchanged) == (2, 1)


@pytest.mark.parametrize("path", ["../a.html", "/tmp/a.html", "tests/../../a.html", ".."])
def test_nothing_is_written_outside_of_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="leads out of the folder"):
        PageFiles(tmp_path / "sales").write(path, "x")
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sales").mkdir()
    (tmp_path / "sales" / "tests").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="leads out of the folder"):
        PageFiles(tmp_path / "sales").write("tests/a.html", "x")


def test_pages_that_were_not_written_go_and_other_files_stay(tmp_path: Path) -> None:
    for name in ("old.html", "kept.html", "notes.txt"):
        (tmp_path / "tests").mkdir(exist_ok=True)
        (tmp_path / "tests" / name).write_text("before")
    files = PageFiles(tmp_path)
    files.write("tests/kept.html", "now")
    files.remove_others(("tests", "owners"))
    assert sorted(path.name for path in (tmp_path / "tests").iterdir()) == [
        "kept.html",
        "notes.txt",
    ]
    assert files.removed == 1


def test_only_temporary_files_that_nobody_writes_any_more_go(tmp_path: Path) -> None:
    fresh, old = tmp_path / ".fresh.tmp", tmp_path / ".old.tmp"
    for path in (fresh, old):
        path.write_text("half")
    os.utime(old, (time.time() - 7200,) * 2)
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == [fresh]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "tests").write_text("a file where the folder should be")
    with pytest.raises(OSError, match=r"could not be written: .*tests/b\.html"):
        PageFiles(tmp_path).write("tests/b.html", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["tests"]


def test_a_full_disk_leaves_the_old_page_and_no_temporary_file(tmp_path: Path) -> None:
    files = PageFiles(tmp_path)
    page = files.write("a.html", "old")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
    try:
        with pytest.raises(OSError, match=r"The page could not be written: .*a\.html"):
            files.write("a.html", "x" * 20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert page.read_text() == "old"
    assert list(tmp_path.iterdir()) == [page]
