from pathlib import Path

from lakehouse.transform.parse_cache import trust_parse_of

CACHE = "partial_parse.msgpack"


def test_a_cache_of_the_same_files_stays(tmp_path: Path) -> None:
    trust_parse_of("one", tmp_path)
    (tmp_path / CACHE).write_bytes(b"parsed")
    assert trust_parse_of("one", tmp_path)
    assert (tmp_path / CACHE).read_bytes() == b"parsed"


def test_a_cache_of_other_files_or_of_unknown_ones_goes(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / CACHE).write_bytes(b"parsed")
    assert not trust_parse_of("one", target)
    assert not (target / CACHE).exists()
    (target / CACHE).write_bytes(b"parsed")
    assert not trust_parse_of("two", target)
    assert not (target / CACHE).exists()


def test_a_target_folder_is_made_where_there_is_none(tmp_path: Path) -> None:
    assert not trust_parse_of("one", tmp_path / "new" / "target")
    assert trust_parse_of("one", tmp_path / "new" / "target")
