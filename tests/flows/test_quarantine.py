import pytest

from flows.quarantine import quarantine
from lakehouse.connectors.folder import find_files
from lakehouse.lake.load_file import load_file
from lakehouse.lake.raw_lake import RawLake
from lakehouse.source_catalog import load_catalog
from tasks.register_raw import list_findings

BAD = (
    "invoice_id,fecha,producto_cod,cantidad,precio_unit,moneda\n"
    "ARG-001,2024-01-15,AMOX500,many,850.50,ARS\n"
)
REASON = "sent by mistake, agreed with the branch"


@pytest.fixture
def refused(deliver, landing, settings):
    """Number of a delivery that was refused."""
    deliver("ventas_arg_2024_01.csv", BAD)
    table = load_catalog(settings.project_dir, "pharma_latam").table("pharma_files", "ventas_arg")
    (found,) = find_files(landing, table)
    return load_file(landing, found, table, RawLake.of(settings)).delivery_id


def test_verbs_post_what_they_found_and_settle_a_delivery(refused, artifacts):
    listed = quarantine("list", "pharma_latam", return_state=True)
    assert listed.message == "1 delivery waits for a decision"
    (table,) = artifacts("quarantine-pharma-latam")
    assert "ventas_arg_2024_01.csv" in table.data

    shown = quarantine("show", "pharma_latam", refused, return_state=True)
    assert shown.message == f"delivery {refused} is open"
    # Another home of the same API has deliveries of the same number.
    page = artifacts(f"quarantine-delivery-{refused}")[0]
    assert "not an integer" in page.data

    again = quarantine("replay", "pharma_latam", refused, return_state=True)
    assert again.is_failed()
    assert "was refused again" in again.message

    short = quarantine("discard", None, refused + 1, "no", return_state=True)
    assert short.is_failed()
    assert any("is in quarantine" in finding for finding in list_findings.fn("pharma_latam"))

    done = quarantine("discard", None, refused + 1, REASON, return_state=True)
    assert done.is_completed()
    assert REASON in done.message
    assert not any("is in quarantine" in finding for finding in list_findings.fn("pharma_latam"))


def test_a_verb_without_a_number_says_what_it_needs():
    ended = quarantine("replay", "pharma_latam", return_state=True)
    assert ended.is_failed()
    assert "needs the number of a delivery" in ended.message
