"""Which snapshots of a lake stay for readers."""

import pytest

from lakehouse.errors import NotPublished, VersionNotPublished
from lakehouse.lake.audit_database import audit_engine
from lakehouse.publish.pinned_versions import pinned_publications, version_to_read
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.settings import Settings


@pytest.fixture
def log(tmp_path) -> PublicationLog:
    return PublicationLog(audit_engine(Settings(home=tmp_path)))


def publish(log: PublicationLog, build: str, version: int | None) -> None:
    log.record("shop", build, {"marts.a": 1}, None, warehouse_version=version)


def versions(log: PublicationLog, kept: int) -> list[int | None]:
    return [one.warehouse_version for one in pinned_publications(log, "shop", kept)]


def test_the_newest_and_as_many_before_it_as_copies_are_kept_stay(log):
    for number in range(1, 6):
        publish(log, f"build-{number}", number * 10)
    assert versions(log, kept=2) == [50, 40, 30]
    assert versions(log, kept=0) == [50]
    assert version_to_read(log, "shop", 2).warehouse_version == 50
    assert version_to_read(log, "shop", 2, 30).build_id == "build-3"
    with pytest.raises(VersionNotPublished, match="There are 50, 40, 30"):
        version_to_read(log, "shop", 2, 20)


def test_after_a_roll_back_readers_get_the_earlier_version_and_both_stay(log):
    publish(log, "good", 10)
    publish(log, "bad", 20)
    publish(log, "good", 10)
    assert version_to_read(log, "shop", 3).warehouse_version == 10
    assert versions(log, kept=3) == [10, 20]


def test_what_was_published_from_a_file_has_no_version(log):
    with pytest.raises(NotPublished, match="never published from a lake"):
        version_to_read(log, "shop", 3)
    publish(log, "of the lake", 10)
    publish(log, "of the file", None)
    assert versions(log, kept=3) == [10]
    with pytest.raises(NotPublished, match="serving copy"):
        version_to_read(log, "shop", 3)
    assert version_to_read(log, "shop", 3, 10).build_id == "of the lake"
