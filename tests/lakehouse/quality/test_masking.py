import pytest

from lakehouse.quality.masking import masked_columns, safe_message

PII = {"email": {"meta": {"pii": True}}, "name": {"config": {"meta": {"pii": False}}}}
SQL = "select cast(email as integer) as n from stg"


@pytest.fixture
def manifest(make_manifest):
    return make_manifest(
        {
            "source.p.shop.raw": {"source_name": "shop", "columns": PII},
            "model.p.stg": {"parents": ["source.p.shop.raw"]},
            "model.p.fct": {"parents": ["model.p.stg"]},
            "model.p.public": {},
            "unit_test.p.ut": {"model": "fct", "parents": ["model.p.fct"]},
        }
    )


def test_a_column_is_masked_in_everything_downstream_of_its_declaration(manifest):
    assert masked_columns(manifest, ["model.p.fct"]) == {"email"}
    assert masked_columns(manifest, ["model.p.public"]) == frozenset()


@pytest.mark.parametrize(
    "message",
    [
        "Runtime Error in model fct (models/fct.sql)\n  Conversion Error: Could not convert string "
        "'canary' to INT32\n  LINE 1: canary",
        'Runtime Error in model fct (models/fct.sql)\n  Constraint Error: Duplicate key "canary"',
        "Something that dbt never said before: canary",
    ],
)
def test_a_message_that_may_quote_a_masked_value_is_withheld(manifest, message):
    shown = safe_message(message, manifest, "model.p.fct", SQL)
    assert "canary" not in shown
    assert "withheld" in shown
    assert "dbt build --select fct" in shown


def test_the_sql_of_a_withheld_message_stays(manifest):
    message = (
        "Runtime Error in model fct (models/fct.sql)\n  Conversion Error: Could not convert "
        "'canary'\n  \n  LINE 1: select cast(email as integer) as n...\n      ^"
    )
    shown = safe_message(message, manifest, "model.p.fct", SQL)
    assert "Conversion Error: withheld" in shown
    assert "LINE 1: select cast(email as integer) as n..." in shown


@pytest.mark.parametrize(
    ("unique_id", "message"),
    [
        ("model.p.fct", "Got 2 results, configured to fail if != 0"),
        ("model.p.fct", "Runtime Error in model fct (f.sql)\n  Binder Error: no column nope"),
        ("model.p.fct", "Compilation Error in model fct (f.sql)\n  'nope' is undefined"),
        ("model.p.public", "Runtime Error in model public (p.sql)\n  Conversion Error: 'abc'"),
        ("unit_test.p.ut", "actual differs from expected:\n\n@@,a\n→,1"),
    ],
)
def test_a_message_about_code_or_open_data_is_whole(manifest, unique_id, message):
    assert safe_message(message, manifest, unique_id, SQL) == message
