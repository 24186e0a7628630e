"""`expected` in a source's YAML: what is wrong is named with file, source, table and field."""

from pathlib import Path

import pytest

from lakehouse.errors import CatalogInvalid
from lakehouse.source_catalog import load_catalog

SOURCE = """
sources:
  - name: archivos
    schema: raw
    config:
      meta:
        connector: {connector}
        block: landing
        load: append
        expected: {default}
    tables:
      - name: ventas
        config: {{meta: {{{meta}}}}}
        columns: [{{name: id}}]
"""
DAILY = '{every: day, by: "09:30"}'


def _load(root: Path, meta: str, default: str = "null", connector: str = "files"):  # type: ignore[no-untyped-def]
    folder = root / "models" / "tienda"
    folder.mkdir(parents=True)
    text = SOURCE.format(meta=meta, default=default, connector=connector)
    (folder / "_tienda__sources.yml").write_text(text, encoding="utf-8")
    return load_catalog(root, "tienda").tables[0].meta.expected


def test_the_source_gives_the_default_and_a_table_its_own(tmp_path: Path) -> None:
    default = _load(tmp_path / "a", 'pattern: "v*.csv"', DAILY)
    assert (default.every, default.files, default.tolerance_minutes) == ("day", 1, 60)
    own = _load(tmp_path / "b", 'pattern: "v*.csv", expected: {every: "0 6 * * *"}', DAILY)
    assert own.is_cron
    assert _load(tmp_path / "c", 'pattern: "v*.csv", expected: null', DAILY) is None


@pytest.mark.parametrize(
    ("expected", "field", "said"),
    [
        ('{every: daily, by: "09:30"}', "expected.every", "no cron expression"),
        ('{every: "0 0 30 2 *"}', "expected.every", "Bad day-of-month"),
        ("{every: day, by: 19:30}", "expected.by", "in quotes"),
        ('{every: day, by: "25:00"}', "expected.by", "time"),
        ("{every: day}", "expected", "by goes with day"),
        ('{every: "0 6 * * *", by: "09:30"}', "expected", "not with a cron expression"),
        ('{every: day, by: "09:30", timezone: Mars/Base}', "expected.timezone", "IANA"),
        ('{every: business_day, by: "09:30"}', "expected", "needs country"),
        ('{every: business_day, by: "09:30", country: XX}', "expected", "no holidays are known"),
        (
            '{every: business_day, by: "09:30", country: BR, subdivision: QQ}',
            "expected",
            "subdivision QQ",
        ),
        ('{every: day, by: "09:30", files: 0}', "expected.files", "greater"),
        ('{every: day, by: "09:30", name_date: fecha}', "", "named group of regex"),
        ('{every: day, by: "09:30", bye: 1}', "expected.bye", "not permitted"),
    ],
)
def test_a_fault_is_named_with_its_place(
    tmp_path: Path, expected: str, field: str, said: str
) -> None:
    with pytest.raises(CatalogInvalid) as raised:
        _load(tmp_path, f'pattern: "v*.csv", expected: {expected}')
    message = str(raised.value)
    assert "_tienda__sources.yml: source archivos, table ventas" in message
    assert not field or f"field config.meta.{field}" in message
    assert said in message


def test_only_files_are_expected(tmp_path: Path) -> None:
    with pytest.raises(CatalogInvalid, match="expected is for files"):
        _load(tmp_path, "key: [id], cursor: id, load: incremental", DAILY, connector="database")
