"""What is tried again, and what is not."""

import pytest

from demo.pharma_deliveries import seed_deliveries
from flows.ingest import ingest
from lakehouse.errors import LakeDamaged, ResourcesExhausted
from tasks import extract_files as module

DOMAIN = "pharma_latam"


@pytest.fixture
def failing(monkeypatch):
    """Make loading fail with an error the first `times` it is called."""

    def _arm(error: Exception, times: int) -> list[str]:
        real, calls = module.load_file, []

        def _load(folder, found, *args, **kwargs):
            calls.append(found.name)
            if found.name == "productos.csv" and calls.count("productos.csv") <= times:
                raise error
            return real(folder, found, *args, **kwargs)

        monkeypatch.setattr(module, "load_file", _load)
        monkeypatch.setattr(module.extract_files, "retry_delay_seconds", [0.1, 0.1, 0.1])
        return calls

    return _arm


def test_a_transient_error_is_tried_again_and_only_what_is_left(landing, failing, warehouse):
    seed_deliveries(landing)
    calls = failing(ResourcesExhausted("no memory this moment"), times=2)
    state = ingest(DOMAIN, return_state=True)
    assert state.name == "Completed"
    assert calls.count("productos.csv") == 3
    assert calls.count("ventas_arg.csv") == calls.count("ventas_bra.csv") == 1
    assert warehouse("select count(*) from raw.productos") == [(2,)]


def test_a_permanent_error_fails_at_once_and_the_other_tables_are_loaded(
    landing, failing, settings
):
    seed_deliveries(landing)
    calls = failing(LakeDamaged("a file of the lake is gone"), times=99)
    state = ingest(DOMAIN, return_state=True)
    assert state.name == "Failed"
    assert "a file of the lake is gone" in state.message
    assert calls.count("productos.csv") == 1
    assert len(list(settings.raw.rglob("*.parquet"))) == 2


def test_an_error_nobody_foresaw_is_not_tried_again(landing, failing):
    seed_deliveries(landing)
    calls = failing(OSError(28, "No space left on device"), times=99)
    state = ingest(DOMAIN, return_state=True)
    assert state.name == "Failed"
    assert "No space left on device" in state.message
    assert calls.count("productos.csv") == 1
