"""Pages of the reports in a bucket: stored by a run, read by the dashboard."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr
from starlette.testclient import TestClient

from lakehouse.dashboard.app import dashboard_app
from lakehouse.dashboard.site import Site
from lakehouse.errors import PagesNotStored
from lakehouse.reports.page_store.chosen_store import page_stores
from lakehouse.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.long]
BUCKET = "pages-of-reports"
SECRET = "a-secret-that-is-shown-nowhere"


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedMotoServer]:
    found = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def s3(server: ThreadedMotoServer, monkeypatch: pytest.MonkeyPatch):
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reports")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for key in keys(client):
        client.delete_object(Bucket=BUCKET, Key=key)
    client.delete_bucket(Bucket=BUCKET)


def keys(client) -> list[str]:
    return [one["Key"] for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def make_settings(folder: Path, target: str = f"s3://{BUCKET}/of/all") -> Settings:
    return Settings(home=folder, reports_target=SecretStr(target))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = make_settings(tmp_path)
    for path in ("index.html", "olist/index.html", "olist/tests/one.html", "wells/index.html"):
        (found.reports / path).parent.mkdir(parents=True, exist_ok=True)
        (found.reports / path).write_text(f"<p>{path} ñ</p>")
    return found


def test_a_run_copies_what_changed_and_the_dashboard_serves_it(s3, settings):
    (store,) = page_stores(settings)
    done = store.store(settings.reports, "olist")
    assert (done.written, done.unchanged, done.removed) == (3, 0, 0)
    done = store.store(settings.reports, "olist")
    assert (done.written, done.unchanged, done.removed) == (0, 3, 0)
    (settings.reports / "olist" / "tests" / "one.html").unlink()
    (settings.reports / "olist" / "index.html").write_text("new")
    # Another process than the one that copied before.
    (store,) = page_stores(settings)
    done = store.store(settings.reports, "olist")
    assert (done.written, done.unchanged, done.removed) == (1, 1, 1)
    assert sorted(keys(s3)) == [
        "of/all/.pages.json",
        "of/all/index.html",
        "of/all/olist/.pages.json",
        "of/all/olist/index.html",
    ]
    client = TestClient(dashboard_app(Site.of(settings), None), base_url="http://127.0.0.1")
    answer = client.get("/reports/olist/index.html")
    assert (answer.status_code, answer.text) == (200, "new")
    assert client.get("/reports/olist/tests/one.html").status_code == 404
    for hidden in (".pages.json", "olist/.pages.json", "..%2f..%2fother.html"):
        assert client.get(f"/reports/{hidden}").status_code == 404, hidden


def test_an_object_that_somebody_removed_is_copied_again(s3, settings):
    (store,) = page_stores(settings)
    store.store(settings.reports, "olist")
    s3.delete_object(Bucket=BUCKET, Key="of/all/olist/index.html")
    assert store.store(settings.reports, "olist").written == 1


def test_domains_are_stored_at_the_same_time(s3, settings):
    def stored(domain: str) -> int:
        (store,) = page_stores(settings)
        return store.store(settings.reports, domain).written

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(stored, ["olist", "wells"] * 4))
    assert {one for one in keys(s3) if one.endswith(".html")} == {
        f"of/all/{path.relative_to(settings.reports)}" for path in settings.reports.rglob("*.html")
    }


def test_a_bucket_that_is_not_there_is_said_and_not_made(s3, settings, tmp_path):
    wrong = make_settings(tmp_path, "s3://nowhere-to-be-found/reports")
    (store,) = page_stores(wrong)
    with pytest.raises(PagesNotStored, match=r"ALJIBE_REPORTS_TARGET \(s3\)") as told:
        store.store(settings.reports, "olist")
    assert SECRET not in str(told.value)
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == [BUCKET]
