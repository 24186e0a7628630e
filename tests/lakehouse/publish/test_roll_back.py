"""Back to an earlier publication: kept copies, what is chosen, and what a death leaves."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from lakehouse.errors import RollBackRefused
from lakehouse.lake.audit_database import audit_engine, release_audit_engine
from lakehouse.publish import roll_back as module
from lakehouse.publish.kept_copies import keep_copy, kept_builds, kept_copy, prune_copies
from lakehouse.publish.publication_hold import hold_of, release
from lakehouse.publish.publication_log import PublicationLog
from lakehouse.publish.roll_back import roll_back
from lakehouse.publish.serving_copy import PreparedCopy
from lakehouse.settings import Settings

SHOP = "shop"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    made = Settings(home=tmp_path / "home")
    yield made
    release_audit_engine(made)


def publish(settings: Settings, build_id: str, rows: int) -> None:
    """What a run does: keep what is there, write another file, rename it, note it."""
    serving, log = settings.serving(SHOP), PublicationLog(audit_engine(settings))
    last = log.last(SHOP)
    if last:
        keep_copy(serving, last.build_id)
    fresh = serving.parent / "next" / serving.name
    fresh.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(fresh)) as connection:
        connection.execute("create schema marts")
        connection.execute(f"create table marts.sales as select * from range({rows}) as t(id)")
    fresh.rename(serving)
    log.record(SHOP, build_id, {"marts.sales": rows}, None)


def read(settings: Settings) -> int:
    with duckdb.connect(str(settings.serving(SHOP)), read_only=True) as connection:
        return connection.execute("select count(*) from marts.sales").fetchone()[0]


def test_readers_get_the_publication_before_and_the_domain_is_held(settings):
    for build_id, rows in (("b1", 10), ("b2", 20), ("b3", 3)):
        publish(settings, build_id, rows)
    engine = audit_engine(settings)
    with duckdb.connect(str(settings.serving(SHOP)), read_only=True) as reader:
        done = roll_back(settings, SHOP, "sales are missing", "ana")
        assert reader.execute("select count(*) from marts.sales").fetchone() == (3,)
    assert (done.build_id, read(settings)) == ("b2", 20)
    held = hold_of(engine, SHOP)
    assert (held.build_id, held.reason, held.held_by) == ("b3", "sales are missing", "ana")
    assert "--release" in str(held)

    assert roll_back(settings, SHOP, "still", "ana").build_id == "b1"
    assert read(settings) == 10
    with pytest.raises(RollBackRefused, match=r"Kept are b3 of .*, b2 of"):
        roll_back(settings, SHOP, "further", "ana")
    assert roll_back(settings, SHOP, "it was good", "ana", "b3").build_id == "b3"
    assert read(settings) == 3
    assert release(engine, SHOP)
    assert not release(engine, SHOP)
    assert hold_of(engine, SHOP) is None


@pytest.mark.parametrize("point", ["keep_copy", "put_in_place", "record"])
def test_a_roll_back_that_died_is_completed_by_the_same_command(settings, monkeypatch, point):
    publish(settings, "b1", 10)
    publish(settings, "b2", 2)

    def die(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    owners = {"record": PublicationLog, "put_in_place": PreparedCopy}
    owner = owners.get(point, module)
    with monkeypatch.context() as patch:
        patch.setattr(owner, point, die)
        with pytest.raises(KeyboardInterrupt):
            roll_back(settings, SHOP, "bad", "ana")
    assert hold_of(audit_engine(settings), SHOP).build_id == "b2"
    assert roll_back(settings, SHOP, "bad", "ana").build_id == "b1"
    assert read(settings) == 10
    assert hold_of(audit_engine(settings), SHOP).build_id == "b2"


def test_what_is_not_what_was_published_is_not_put_back(settings):
    publish(settings, "b1", 10)
    publish(settings, "b2", 2)
    kept = kept_copy(settings.serving(SHOP), "b1")
    with duckdb.connect(str(kept)) as connection:
        connection.execute("delete from marts.sales where id > 3")
    with pytest.raises(RollBackRefused, match=r"marts\.sales"):
        roll_back(settings, SHOP, "bad", "ana")
    kept.write_bytes(b"no database")
    with pytest.raises(RollBackRefused, match="cannot be read"):
        roll_back(settings, SHOP, "bad", "ana")
    assert read(settings) == 2
    assert hold_of(audit_engine(settings), SHOP) is None


def test_a_domain_that_was_never_published_or_once_stays_as_it_is(settings):
    with pytest.raises(RollBackRefused, match="never published"):
        roll_back(settings, SHOP, "bad", "ana")
    publish(settings, "b1", 10)
    with pytest.raises(RollBackRefused, match="no copy of an earlier publication"):
        roll_back(settings, SHOP, "bad", "ana")
    with pytest.raises(RollBackRefused, match="no copy of b9"):
        roll_back(settings, SHOP, "bad", "ana", "b9")


def test_kept_copies_cost_nothing_twice_and_the_oldest_go(settings):
    for number in range(1, 6):
        publish(settings, f"b{number}", number)
    serving = settings.serving(SHOP)
    keep_copy(serving, "b5")
    assert kept_copy(serving, "b5").samefile(serving)
    newest_first = ["b5", "b4", "b3", "b2", "b1"]
    assert prune_copies(serving, newest_first, 3) == ["b1", "b2"]
    assert kept_builds(serving) == {"b3", "b4", "b5"}
    assert read(settings) == 5
    assert prune_copies(serving, newest_first, 0) == ["b3", "b4", "b5"]
    assert read(settings) == 5
