"""Pages copied to a folder or a bucket, and which paths are pages at all."""

from pathlib import Path

import fsspec
import pytest
from pydantic import SecretStr

from lakehouse.errors import PagesNotStored, SettingsInvalid
from lakehouse.reports.page_store.bucket_pages import BucketPages
from lakehouse.reports.page_store.chosen_store import page_reader, page_stores
from lakehouse.reports.page_store.local_pages import LocalPages
from lakehouse.reports.page_store.pages import is_page
from lakehouse.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pages as a run writes them."""
    folder = tmp_path / "reports"
    for path in ("index.html", "olist/index.html", "olist/tests/one.html", "wells/index.html"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    (folder / "olist" / "report.json").write_text("{}")
    (folder / "olist" / ".half.tmp").write_text("half")
    (folder / "arrivals-told.json").write_text("[]")
    return folder


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder of this machine, and a store that knows no folders."""
    if request.param == "file":
        return (tmp_path / "target").as_uri()
    return f"memory://pages-{tmp_path.name}"


def files_at(url: str) -> dict[str, bytes]:
    fs, root = fsspec.core.url_to_fs(url)
    found = {path.removeprefix(f"{root}/"): fs.cat_file(path) for path in fs.find(root)}
    return {path: content for path, content in found.items() if not path.endswith(".pages.json")}


def test_a_run_copies_what_changed_and_removes_what_is_gone(folder: Path, url: str) -> None:
    store = BucketPages(SecretStr(url))
    first = store.store(folder, "olist")
    assert (first.written, first.unchanged, first.removed) == (4, 0, 0)
    again = store.store(folder, "olist")
    assert (again.written, again.unchanged, again.removed) == (0, 4, 0)
    assert store.store(folder, "wells").written == 1
    (folder / "olist" / "tests" / "one.html").unlink()
    (folder / "index.html").write_text("new")
    changed = store.store(folder, "olist")
    assert (changed.written, changed.unchanged, changed.removed) == (1, 2, 1)
    assert files_at(url) == {
        "index.html": b"new",
        "olist/index.html": b"olist/index.html",
        "olist/report.json": b"{}",
        "wells/index.html": b"wells/index.html",
    }
    assert store.paths("olist") == ["olist/index.html", "olist/report.json"]


def test_only_the_pages_over_all_domains_are_copied_if_no_domain_is_named(
    folder: Path, url: str
) -> None:
    store = BucketPages(SecretStr(url))
    assert store.store(folder, None).written == 1
    assert list(files_at(url)) == ["index.html"]


def test_a_copy_that_was_cut_short_is_completed(
    folder: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, put, puts = BucketPages(SecretStr(url)), BucketPages._put, []

    def breaks(self: BucketPages, path: str, content: bytes) -> None:
        puts.append(path)
        if len(puts) == 2:
            raise OSError(28, "No space left on device")
        put(self, path, content)

    monkeypatch.setattr(BucketPages, "_put", breaks)
    with pytest.raises(PagesNotStored, match="No space left on device"):
        store.store(folder, "olist")
    monkeypatch.setattr(BucketPages, "_put", put)
    store.store(folder, "olist")
    assert set(files_at(url)) == {
        "index.html",
        "olist/index.html",
        "olist/report.json",
        "olist/tests/one.html",
    }
    assert store.store(folder, "olist").written == 0


def test_a_file_that_somebody_removed_from_the_target_comes_back(folder: Path, url: str) -> None:
    store = BucketPages(SecretStr(url))
    store.store(folder, "olist")
    fs, root = fsspec.core.url_to_fs(url)
    fs.rm_file(f"{root}/olist/index.html")
    fs.pipe_file(f"{root}/olist/.pages.json", b"damaged") if "memory" in url else None
    store.store(folder, "olist")
    assert "olist/index.html" in files_at(url)


@pytest.mark.parametrize(
    "path",
    [
        "../audit.db",
        "../reports/index.html",
        "olist/../../x.html",
        "/etc/passwd",
        "/index.html",
        "olist//index.html",
        "olist/.pages.json",
        ".pages.json",
        "arrivals-told.json",
        "olist/index.html\n",
        "olist/index.html\x00",
        "a/b/c/d.html",
        "olist",
        "",
        "audit.db",
        "olist\\index.html",
    ],
)
def test_a_path_that_is_no_page_is_never_read(path: str, folder: Path) -> None:
    (folder.parent / "audit.db").write_text("secret")
    assert not is_page(path)
    assert LocalPages(folder).read(path) is None
    assert BucketPages(SecretStr(folder.as_uri())).read(path) is None


def test_a_link_out_of_the_folder_is_not_followed(folder: Path) -> None:
    outside = folder.parent / "outside.html"
    outside.write_text("secret")
    (folder / "olist" / "tests" / "link.html").symlink_to(outside)
    assert LocalPages(folder).read("olist/tests/link.html") is None
    page = LocalPages(folder).read("olist/tests/one.html")
    assert page is not None
    assert page.content == b"olist/tests/one.html"


def test_the_settings_choose_where_pages_are_read(folder: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, reports_dir=folder)
    assert page_stores(settings) == []
    assert page_reader(settings).paths("olist") == [
        "olist/index.html",
        "olist/report.json",
        "olist/tests/one.html",
    ]
    target = Settings(home=tmp_path, reports_target=SecretStr((tmp_path / "target").as_uri()))
    assert isinstance(page_reader(target), BucketPages)


def test_an_address_that_fsspec_does_not_know_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingsInvalid, match="ALJIBE_REPORTS_TARGET") as refused:
        BucketPages(SecretStr(f"nosuch://key:{'secret'}@bucket/reports"))
    assert "secret" not in str(refused.value)
