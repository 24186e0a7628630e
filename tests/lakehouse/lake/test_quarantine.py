import threading
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from lakehouse.connectors.file_store import FoundFile
from lakehouse.errors import QuarantineRefused
from lakehouse.lake import quarantine as module
from lakehouse.lake.kept_delivery import kept_folder, kept_original
from lakehouse.lake.ledger import Delivery
from lakehouse.lake.pending_files import pending_names
from lakehouse.lake.quarantine import (
    RefusedDelivery,
    discard,
    find_refused,
    list_refused,
    replay,
)
from lakehouse.lake.raw_lake import RawLake
from lakehouse.quality.masking import MASK
from lakehouse.quality.refused_rows import shown_rows
from lakehouse.reports.artifacts.markdown import text
from lakehouse.reports.artifacts.quarantine_report import delivery_markdown, quarantine_rows
from lakehouse.source_catalog import Catalog, Column, Table

REASON = "sent by mistake, agreed with the shop"
CANARY = "canary@example.com"
MOSTLY_BAD = "id,city\n1,Salta\n" + "x,Jujuy\n" * 25


def catalog(*tables: Table) -> list[Catalog]:
    return [Catalog(domain="shop", tables=tables)]


def found(table: Table, lake: RawLake, number: int | None) -> RefusedDelivery:
    return find_refused(catalog(table), lake, number or 0)


def wider(table: Table) -> Table:
    """The contract of a table, corrected so that any text is an id."""
    return table.model_copy(update={"columns": (Column(name="id"), Column(name="city"))})


def rows_of(lake: RawLake, batch_id: str) -> int:
    return pq.ParquetFile(lake.store.file_of(lake.ledger.batch(batch_id))).metadata.num_rows


def test_a_bad_file_lives_from_refusal_over_a_corrected_contract_to_the_lake(
    table, deliver, lake, landing
):
    refused = deliver("a.csv", MOSTLY_BAD)
    (landing / "a.csv").unlink()
    (listed,) = list_refused(catalog(table), lake)
    assert (listed.number, listed.state, listed.is_open) == (refused.delivery_id, "open", True)
    kept = kept_folder(lake, table, listed.delivery)
    assert kept_original(kept).read_text() == MOSTLY_BAD
    rows, total = shown_rows(kept, table, 10)
    assert (len(rows), total) == (10, 25)
    assert (rows[0].line, rows[0].column, rows[0].value) == (3, "id", "x")
    assert "Jujuy" in rows[0].raw

    replayed = replay(found(wider(table), lake, refused.delivery_id), lake, run_id="run-2")

    assert (replayed.status, replayed.file_name) == ("loaded", "a.csv")
    assert (replayed.size, replayed.mtime_ns) == (refused.size, refused.mtime_ns)
    assert rows_of(lake, replayed.batch_id) == 26
    assert list_refused(catalog(table), lake) == []
    settled = found(table, lake, refused.delivery_id)
    assert settled.decision.decision == "replayed"
    assert settled.decision.run_id == "run-2"
    assert f"delivery {replayed.delivery_id} loaded" in settled.decision.reason


def test_a_file_that_is_refused_again_is_open_under_its_new_number(table, deliver, lake):
    first = deliver("a.csv", "id,city\nx,Salta\n")
    again = replay(found(table, lake, first.delivery_id), lake, run_id="run-2")
    assert again.status == "quarantined"
    assert "not an integer" in again.reason
    assert [one.number for one in list_refused(catalog(table), lake)] == [again.delivery_id]
    with pytest.raises(QuarantineRefused, match="already replayed"):
        replay(found(table, lake, first.delivery_id), lake, run_id="run-3")


def test_what_the_lake_has_already_is_known(table, deliver, lake, put, landing):
    refused = deliver("a.csv", "id,city\nx,Salta\n")
    loaded = deliver("b.csv", "id,city\nx,Salta\n", wider(table))
    replayed = replay(found(wider(table), lake, refused.delivery_id), lake, run_id="run-2")
    assert (replayed.status, replayed.batch_id) == ("known", loaded.batch_id)


def test_a_discarded_file_is_no_finding_and_is_kept(table, deliver, lake):
    refused = deliver("a.csv", "id,city\nx,Salta\n")
    decision = discard(found(table, lake, refused.delivery_id), lake, REASON, run_id="ana")
    assert (decision.decision, decision.reason, decision.run_id) == ("discarded", REASON, "ana")
    assert lake.ledger.open_quarantine(table) == []
    assert list_refused(catalog(table), lake) == []
    kept = kept_original(kept_folder(lake, table, refused))
    assert kept.read_text() == "id,city\nx,Salta\n"
    for verb in (
        lambda one: discard(one, lake, REASON, run_id="eva"),
        lambda one: replay(one, lake, run_id="eva"),
    ):
        with pytest.raises(QuarantineRefused, match=f"already discarded on .* by ana: {REASON}"):
            verb(found(table, lake, refused.delivery_id))


def test_a_discarded_file_is_no_work_for_another_contract_until_it_changes(
    table, deliver, lake, put
):
    refused = deliver("a.csv", "id,city\nx,Salta\n")
    same = FoundFile(refused.file_name, refused.size, refused.mtime_ns)

    def pending(file: FoundFile) -> set[str]:
        known = lake.ledger.newest_deliveries(table)
        return pending_names([file], known, wider(table), lake)

    assert pending(same) == {"a.csv"}
    discard(found(table, lake, refused.delivery_id), lake, REASON, run_id="ana")
    assert pending(same) == set()
    assert pending(put("a.csv", "id,city\ny,Salta\n")) == {"a.csv"}


@pytest.mark.parametrize("reason", ["", "no", "          ", "..........", "1234567890"])
def test_a_reason_that_says_nothing_discards_nothing(table, deliver, lake, reason):
    refused = deliver("a.csv", "id,city\nx,Salta\n")
    with pytest.raises(QuarantineRefused, match="somebody will ask"):
        discard(found(table, lake, refused.delivery_id), lake, reason, run_id="ana")
    assert len(lake.ledger.open_quarantine(table)) == 1


def test_a_corrected_file_of_the_same_name_settles_it(table, deliver, lake):
    refused = deliver("a.csv", "id,city\nx,Salta\n")
    corrected = deliver("a.csv", "id,city\n1,Salta\n")
    assert list_refused(catalog(table), lake) == []
    one = found(table, lake, refused.delivery_id)
    assert one.state == f"settled by delivery {corrected.delivery_id}"
    for verb in (
        lambda: discard(one, lake, REASON, run_id="ana"),
        lambda: replay(one, lake, run_id="ana"),
    ):
        with pytest.raises(QuarantineRefused, match="of the same name came after it"):
            verb()
    assert lake.ledger.newest_deliveries(table)["a.csv"].delivery_id == corrected.delivery_id


def test_a_corrected_file_that_comes_during_a_replay_is_not_replaced(
    table, deliver, lake, monkeypatch
):
    refused = deliver("a.csv", "id,city\nx,Salta\n")
    one = found(wider(table), lake, refused.delivery_id)
    profiled = threading.Event()
    corrected = []

    def deliver_meanwhile(*arguments, **options):
        if not profiled.is_set():
            profiled.set()
            corrected.append(deliver("a.csv", "id,city\n1,Salta\n"))
        return real(*arguments, **options)

    real = module.profile_content
    monkeypatch.setattr(module, "profile_content", deliver_meanwhile)
    with pytest.raises(QuarantineRefused, match="came after it"):
        replay(one, lake, run_id="run-2")
    newest = lake.ledger.newest_deliveries(table)["a.csv"]
    assert newest.delivery_id == corrected[0].delivery_id
    assert not list(lake.settings.raw.rglob("*.tmp"))


def test_two_replays_at_once_load_it_once(table, deliver, lake):
    refused = deliver("a.csv", "id,city\nx,Salta\n")
    one = found(wider(table), lake, refused.delivery_id)
    ends: list[object] = []

    def attempt() -> None:
        try:
            ends.append(replay(one, lake, run_id="run").status)
        except QuarantineRefused as error:
            ends.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends.count("loaded") == 1
    assert len(ends) == 4
    assert lake.ledger.newest_deliveries(table)["a.csv"].delivery_id == refused.delivery_id + 1


def test_numbers_that_are_not_in_quarantine_are_refused(table, deliver, lake):
    loaded = deliver("a.csv", "id,city\n1,Salta\n")
    with pytest.raises(QuarantineRefused, match="Nothing of delivery"):
        found(table, lake, loaded.delivery_id)
    with pytest.raises(QuarantineRefused, match="There is no delivery 99"):
        found(table, lake, 99)
    with pytest.raises(QuarantineRefused, match="There is no delivery"):
        find_refused([], lake, loaded.delivery_id)


def test_refused_rows_of_a_loaded_file_are_listed_and_shown_but_not_decided(table, deliver, lake):
    loaded = deliver("a.csv", "id,city\n1,Salta\nx,Jujuy\n")
    (one,) = list_refused(catalog(table), lake)
    assert (one.number, one.is_open, one.delivery.rows_rejected) == (loaded.delivery_id, False, 1)
    rows, total = shown_rows(kept_folder(lake, table, one.delivery), table, 10)
    assert total == 1
    assert (rows[0].line, rows[0].column, rows[0].value) == (3, "id", "x")
    with pytest.raises(QuarantineRefused, match="was loaded; only 1 of its rows"):
        replay(one, lake, run_id="ana")


def test_a_file_of_which_nothing_is_left_says_what_to_do(table, deliver, lake, settings):
    refused = deliver("a.csv", "id,city\nx,Salta\n")
    (kept_folder(lake, table, refused) / "original").unlink()
    with pytest.raises(QuarantineRefused, match="Let its sender deliver it again"):
        replay(found(table, lake, refused.delivery_id), lake, run_id="ana")


def test_a_database_keeps_nothing_and_says_what_to_do(make_table, lake, table):
    one = RefusedDelivery(
        "shop",
        table.model_copy(update={"connector": "database"}),
        # Any refused delivery: only its table decides what is said.
        delivery=_refused_of(table, lake),
    )
    with pytest.raises(QuarantineRefused, match="min_row_share"):
        replay(one, lake, run_id="ana")


def _refused_of(table: Table, lake: RawLake):
    delivery = Delivery(
        table.source, table.name, "orders", 0, 0, "0" * 64, "r", "quarantined", None,
        5, 0, 5, datetime.now(UTC), 0.1, "too few",
    )  # fmt: skip
    return replace(delivery, delivery_id=lake.ledger.record(delivery))


def test_a_name_that_fits_the_regex_no_more_is_named(make_table, deliver, lake):
    table = make_table(regex=r"(?P<shop>\w+)\.csv")
    refused = deliver("a.csv", "id,city\nx,Salta\n", table)
    other = make_table(regex=r"(?P<shop>\w+)\.txt")
    with pytest.raises(QuarantineRefused, match=r"a\.csv does not fit pattern or regex"):
        replay(found(other, lake, refused.delivery_id), lake, run_id="ana")


def test_groups_of_the_name_come_with_a_replay(make_table, deliver, lake):
    table = make_table(regex=r"(?P<shop>\w+)\.csv")
    refused = deliver("north.csv", "id,city\nx,Salta\n", table)
    loaded = replay(found(wider(table), lake, refused.delivery_id), lake, run_id="ana")
    read = pq.read_table(lake.store.file_of(lake.ledger.batch(loaded.batch_id)))
    assert read.column("shop").to_pylist() == ["north"]
    assert read.column("_source_file").to_pylist() == ["north.csv"]


def test_the_same_bytes_under_two_names_are_kept_for_both(table, deliver, lake):
    first = deliver("a.csv", "id,city\nx,Salta\n")
    second = deliver("b.csv", "id,city\nx,Salta\n")
    for refused in (first, second):
        loaded = replay(found(wider(table), lake, refused.delivery_id), lake, run_id="ana")
        assert (loaded.file_name, loaded.status) == (
            refused.file_name,
            "loaded" if refused is first else "known",
        )


def test_personal_values_are_shown_nowhere(table, deliver, lake):
    private = table.model_copy(
        update={
            "columns": (
                Column(name="id", data_type="integer"),
                Column(name="mail", data_type="date", pii=True),
            )
        }
    )
    lines = [
        "1,2024-01-01,y",
        f"x,2024-01-01,{CANARY}",
        f"1,{CANARY},{CANARY}",
        f"2,2024-01-01,y,{CANARY}",
    ]
    body = "\n".join(["id,mail,extra", lines[0], *(lines[1:] * 10), ""])
    refused = deliver("a.csv", body, private)
    one = found(private, lake, refused.delivery_id)
    kept = kept_folder(lake, private, one.delivery)
    rows, total = shown_rows(kept, private, 40)
    assert total == 30
    assert CANARY in (kept / "original").read_text()
    page = delivery_markdown(one, kept, rows, total)
    assert f"**Why:** {text(refused.reason.splitlines()[0], None)}" in page
    assert f"`aljibe quarantine replay {one.number}`" in page
    assert CANARY not in page + repr(rows) + repr(quarantine_rows([one]))
    by_column = {row.column: row for row in rows}
    assert (by_column["mail"].value, by_column["mail"].raw) == (MASK, MASK)
    assert by_column["id"].value == "x"
