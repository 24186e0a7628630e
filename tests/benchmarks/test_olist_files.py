import gzip
from pathlib import Path

from benchmarks.olist_files import NEW_DAY, split_published
from demo.olist.deliveries import write_olist

OF_ORDERS = ("orders", "order_items", "order_payments", "order_reviews")


def lines(folder: Path, table: str) -> list[str]:
    found = [path for path in folder.glob(f"*{table}_*") if "_dataset" in path.name]
    texts = [
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in found
    ]
    return sorted(line for text in texts for line in text.decode().replace('"', "").split("\n")[1:])


def test_history_and_day_are_the_whole_and_the_day_is_one_day(tmp_path: Path) -> None:
    published, history, day = (tmp_path / name for name in ("published", "history", "day"))
    write_olist(published, orders=2000)
    split_published(published, history, day)
    sold = [line.split(",")[3] for line in lines(day, "orders") if line]
    assert sold
    assert {moment[:10] for moment in sold} == {NEW_DAY}
    for table in OF_ORDERS:
        parts = [line for folder in (history, day) for line in lines(folder, table)]
        assert sorted(filter(None, parts)) == list(filter(None, lines(published, table))), table
    assert list(filter(None, lines(day, "customers"))) == list(
        filter(None, lines(published, "customers"))
    )
    assert len(lines(history, "customers")) < len(lines(published, "customers"))
    assert len(list(history.iterdir())) == 9
