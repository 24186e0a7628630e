from lakehouse.publish.balance import BalanceRow
from lakehouse.reports.artifacts.balance_table import balance_description, build_balance_table


def make_row(**overrides) -> BalanceRow:
    values = {
        "step": "load",
        "table": "shop.orders",
        "rows_in": 1200,
        "explained": 200,
        "rows_out": 1000,
        "unaccounted": 0,
    }
    return BalanceRow(**{**values, **overrides})


def test_what_balances_is_green_and_says_why_rows_are_left_out():
    rows = [make_row(), make_row(step="staging", replaced=150), make_row(step="publish")]
    first, second, third = build_balance_table(rows, "en")
    assert {row[""] for row in (first, second, third)} == {"🟢"}
    assert (first["rows in"], first["left out"], first["rows out"]) == ("1,200", "200", "1,000")
    assert first["why"] == "refused, with reasons in etl.rejected_rows"
    assert second["why"] == (
        "150 replaced by newer rows of the same key; "
        "50 left out by the SQL of the model, such as doubled rows"
    )
    assert third["why"] == ""
    assert balance_description(rows, "en") == "🟢 Every delivered row is accounted for."


def test_a_row_without_reason_is_red_in_every_language():
    rows = [make_row(), make_row(table="marts.sales", unaccounted=-3)]
    for language in ("en", "es", "pt"):
        marks = [row[""] for row in build_balance_table(rows, language)]
        assert marks == ["🟢", "🔴"]
        said = balance_description(rows, language)
        assert said.startswith("🔴")
        assert "marts.sales" in said.replace("\\", "")
        assert "shop" not in said
