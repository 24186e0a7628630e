"""The domains that the demo runs: their sample data, their stand-in systems, a mart to show."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from cli.prefect_environment import api_is_configured
from demo.bioreactor.telemetry import write_telemetry
from demo.olist.deliveries import write_olist
from demo.pharma_deliveries import write_deliveries
from demo.techstore_shop import Shop
from demo.techstore_sources import running_sources, write_sources
from demo.wells.deliveries import size_at, write_wells
from lakehouse.errors import BlockInvalid
from lakehouse.settings import Settings


@dataclass(frozen=True)
class Mart:
    """A published table, as the demo shows its head.

    Attributes:
        name: `schema.table`.
        columns: those shown, as SQL; numbers are right-justified by the type they have.
        order: SQL after `order by`.
        total: SQL of one figure over all rows, and what it is.
    """

    name: str
    columns: str
    order: str
    total: str


@dataclass(frozen=True)
class DemoDomain:
    """A domain with sample data.

    Attributes:
        write: makes the sample data of a scale below the home of the settings.
        folder: where they lie.
        described: what they are, in words.
        running: the stand-in systems, for as long as a run takes.
        mart: what to show of the result.
        try_next: what the reader may change before the next run.
    """

    name: str
    write: Callable[[Settings, int], list[Path]]
    folder: Callable[[Settings], Path]
    described: str
    running: Callable[[Settings], AbstractContextManager[object]]
    mart: Mart
    try_next: str


def techstore_folder(settings: Settings) -> Path:
    """Where the systems of techstore lie in the demo."""
    return settings.root / "demo" / "techstore"


@contextmanager
def _techstore_running(settings: Settings) -> Iterator[Mapping[str, str]]:
    if api_is_configured():
        raise BlockInvalid(
            "A Prefect API is configured, whose saved blocks would win over the demo's own "
            "servers. Unset PREFECT_API_URL, or choose the Prefect profile ephemeral, for the demo."
        )
    with running_sources(techstore_folder(settings)) as variables:
        yield variables


def _write_wells(settings: Settings, scale: int) -> list[Path]:
    wells, rows = size_at(scale)
    return write_wells(settings.landing("wells"), wells=wells, rows=rows).paths


PHARMA_LATAM = DemoDomain(
    name="pharma_latam",
    write=lambda settings, scale: write_deliveries(
        settings.landing("pharma_latam"), rows_per_day=2000 * scale
    ),
    folder=lambda settings: settings.landing("pharma_latam"),
    described="clean and dirty deliveries of two countries",
    running=lambda _settings: nullcontext(),
    mart=Mart(
        name="consume.fct_ventas_latam",
        columns="invoice_id, fecha, pais, cantidad, precio_unit, venta_total_usd as usd",
        order="fecha, invoice_id",
        total="format('{:,.2f} USD', sum(venta_total_usd))",
    ),
    try_next="change a sample file, then .venv/bin/aljibe run pharma_latam",
)
TECHSTORE = DemoDomain(
    name="techstore",
    write=lambda settings, scale: write_sources(Shop(scale=scale), techstore_folder(settings)),
    folder=techstore_folder,
    described="a database, five files behind SFTP, two HTTP APIs",
    running=_techstore_running,
    mart=Mart(
        name="consume.revenue_mensual",
        columns="mes, pedidos, clientes_unicos as clientes, revenue, revenue_usd as usd",
        order="mes",
        total="format('{:,.2f} ARS', sum(revenue))",
    ),
    try_next='make demo ARGS="--domain techstore --scale 3"',
)
OLIST = DemoDomain(
    name="olist",
    write=lambda settings, scale: write_olist(settings.landing("olist"), scale=scale),
    folder=lambda settings: settings.landing("olist"),
    described="the nine files of a Brazilian marketplace",
    running=lambda _settings: nullcontext(),
    mart=Mart(
        name="marts.mart_executive_dashboard",
        columns="order_date, orders, gmv, customers",
        order="order_date desc",
        total="format('{:,.2f} BRL', sum(gmv))",
    ),
    try_next='make demo ARGS="--domain olist --scale 5"',
)
WELLS = DemoDomain(
    name="wells",
    write=_write_wells,
    folder=lambda settings: settings.landing("wells"),
    described="readings, pumps and stops of oil wells",
    running=lambda _settings: nullcontext(),
    mart=Mart(
        name="marts.paros_por_pozo",
        columns="pozo, mes, round(horas_paro, 1) as horas, round(disponibilidad, 3) as disp",
        order="pozo, mes",
        total="format('{:,.1f} h', sum(horas_paro))",
    ),
    try_next='make demo ARGS="--domain wells --scale 5"',
)
BIOREACTOR = DemoDomain(
    name="bioreactor",
    write=lambda settings, scale: (
        write_telemetry(settings.landing("bioreactor"), batches=24 * scale).paths
    ),
    folder=lambda settings: settings.landing("bioreactor"),
    described="telemetry of three reactors with drifts, gaps and outliers",
    running=lambda _settings: nullcontext(),
    mart=Mart(
        name="marts.mart_bioreactor_overview",
        columns="batch_id, equipment_id, started_at, samples, gaps, out_of_range_samples as out, "
        "drifting_tags as drifting",
        order="batch_id desc",
        total="format('{:,} samples', sum(samples)::bigint)",
    ),
    try_next='make demo ARGS="--domain bioreactor --scale 5"',
)
DOMAINS = {domain.name: domain for domain in (PHARMA_LATAM, TECHSTORE, OLIST, WELLS, BIOREACTOR)}
