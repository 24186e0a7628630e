"""The page of expected files: escaped, linked from the front page, leading nowhere that is not."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from lakehouse.quality.arrival_board import BoardRow
from lakehouse.quality.arrival_periods import Period
from lakehouse.quality.arrival_verdicts import PeriodVerdict
from lakehouse.reports.pages.write_arrivals import keep_told, told_before, write_arrivals
from lakehouse.reports.views.front_view import build_front_page

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
DAY = date(2026, 11, 2)


def _row(name: str = "ventas.csv", verdict: str = "missing") -> BoardRow:
    due = NOW.replace(hour=9)
    period = Period("2026-11-02", DAY, DAY, NOW.replace(hour=0), NOW.replace(hour=23), due)
    judged = PeriodVerdict(period, verdict, 1, 3, due, (name,))  # type: ignore[arg-type]
    return BoardRow("tienda", "lojas.vendas", None, judged)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "2 files are missing."), ("es", "Faltan 2 archivos."), ("pt", "Faltam 2 arquivos.")],
)
def test_a_name_is_shown_as_text_in_every_language(
    tmp_path: Path, language: str, said: str
) -> None:
    page = write_arrivals([_row("<script>x</script>")], tmp_path, language, NOW).read_text("utf-8")
    assert said in page
    assert f'lang="{language}"' in page
    assert "<script>" not in page
    assert "href" not in page.partition("<main")[2], "the domain has no page yet"
    (tmp_path / "tienda").mkdir()
    (tmp_path / "tienda" / "index.html").write_text("x", encoding="utf-8")
    page = write_arrivals([_row()], tmp_path, language, NOW).read_text("utf-8")
    assert 'href="tienda/index.html"' in page


def test_a_board_in_order_says_so(tmp_path: Path) -> None:
    page = write_arrivals([_row(verdict="on_time")], tmp_path, "en", NOW).read_text("utf-8")
    assert "Every file that was due came on time." in page
    empty = write_arrivals([], tmp_path, "en", NOW).read_text("utf-8")
    assert "No files are expected yet." in empty


def test_the_front_page_leads_to_the_board_that_is_there() -> None:
    (link,) = build_front_page([], "en", arrivals="arrivals.html").frame.links
    assert link.href == "arrivals.html"
    assert build_front_page([], "en").frame.links == ()


def test_what_was_told_is_kept_once_and_a_damaged_file_tells_of_none(tmp_path: Path) -> None:
    keep_told(tmp_path, ["a", "b"])
    keep_told(tmp_path, ["b", "c"])
    assert told_before(tmp_path) == ["a", "b", "c"]
    (tmp_path / "arrivals-told.json").write_text("[", encoding="utf-8")
    assert told_before(tmp_path) == []
