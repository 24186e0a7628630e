"""A bad publication is taken back, and no run brings it again until somebody says so."""

import json

import pytest

from demo.pharma_deliveries import seed_deliveries
from flows.health import health
from flows.publish_back import publish_back

BRA = "invoice_id,fecha,produto_cod,quantidade,preco_unit,moeda\n"


@pytest.mark.long
def test_a_bad_publication_stays_away_until_it_is_released(
    settings, landing, deliver, run, sales, artifacts
):
    seed_deliveries(landing)
    assert publish_back("pharma_latam", return_state=True).is_failed()
    assert run().is_completed()
    good = sales()
    deliver("ventas_bra.csv", BRA + "BRA-001,2024-01-20,AMOX500,8000000,45.90,BRL\n")
    assert run().is_completed()
    bad = sales()
    assert bad != good

    back = publish_back("pharma_latam", "quantities of Brazil", return_state=True)
    assert back.is_completed()
    assert "3 rows" not in back.message
    assert sales() == good
    state = run()
    assert state.name == "CompletedWithWarnings"
    assert "quantities of Brazil" in state.message
    assert "--release" in state.message
    assert sales() == good, "a run with nothing new publishes nothing"
    deliver("ventas_arg_2.csv", "invoice_id,fecha,producto_cod,cantidad,precio_unit,moneda\n")
    deliver("ventas_bra.csv", BRA + "BRA-009,2024-01-20,AMOX500,9000000,45.90,BRL\n")
    assert run().name == "CompletedWithWarnings"
    assert sales() == good, "nor does a run with something new"
    health(return_state=True)
    rows = {row["what"]: row for row in json.loads(artifacts("health")[0].data)}
    assert "quantities of Brazil" in rows["publication: pharma_latam"]["found"]

    seed_deliveries(landing)
    assert "is released" in publish_back("pharma_latam", release=True, return_state=True).message
    assert run().name == "Completed"
    assert sales() == good
