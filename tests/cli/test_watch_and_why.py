"""`aljibe why` and `aljibe watch` as users start them."""

import pytest


@pytest.fixture
def landing(tmp_path):
    folder = tmp_path / "home" / "landing" / "pharma_latam"
    folder.mkdir(parents=True)
    return folder


def test_a_new_file_is_taken_by_the_next_run_and_no_server_is_started_to_say_so(aljibe, landing):
    (landing / "ventas_bra_1.csv").write_text("invoice_id\nBRA-1\n")
    told = aljibe("why", "ventas_bra_1.csv")
    assert told.returncode == 0
    assert told.stdout == (
        "pharma_files.ventas_bra: it is complete and new: the next run takes it.\n"
    )
    assert told.stderr == ""


def test_a_name_that_nobody_asks_for_is_answered_with_those_they_do(aljibe, landing):
    told = aljibe("why", "vendas.csv", "--domain", "pharma_latam")
    assert told.returncode == 1
    assert "no table asks for this name" in told.stdout
    assert "pharma_latam, pharma_files.ventas_bra: ventas_bra*.csv" in told.stdout


def test_a_folder_that_is_not_there_is_said(aljibe):
    told = aljibe("why", "ventas_bra_1.csv")
    assert told.returncode == 1
    assert "landing folder" in told.stderr


def test_watching_without_a_server_says_what_is_missing(aljibe):
    told = aljibe("watch")
    assert told.returncode == 1
    assert "PREFECT_API_URL" in told.stderr


def test_a_domain_that_does_not_exist_is_named(aljibe):
    told = aljibe("watch", "farmacia", PREFECT_API_URL="http://127.0.0.1:1/api")
    assert told.returncode == 1
    assert "no domain 'farmacia'" in told.stderr
