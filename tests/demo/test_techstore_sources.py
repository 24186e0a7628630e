"""The demo's stand-ins for the systems of techstore: files, database and two servers."""

import hashlib
import json
import os
import sqlite3
import tracemalloc
from contextlib import closing
from datetime import date
from xml.etree import ElementTree

import httpx
import openpyxl
import paramiko
import pytest

from demo.techstore_feeds import easter_sunday, holidays
from demo.techstore_shop import Shop
from demo.techstore_sources import running_sources, write_sources

SHOP = Shop(seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    write_sources(SHOP, folder)
    return folder


@pytest.fixture
def rows(folder):
    def query(sql: str):
        with closing(sqlite3.connect(folder / "techstore.db")) as connection:
            return connection.execute(sql).fetchall()

    return query


def hashes(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_seed_and_day_give_the_same_bytes_and_others_give_others(folder, tmp_path):
    write_sources(SHOP, tmp_path / "again")
    write_sources(Shop(seed=4), tmp_path / "other")
    first, other = hashes(folder), hashes(tmp_path / "other")
    assert hashes(tmp_path / "again") == first
    assert set(other) == set(first)
    data = [name for name in first if "feriados" not in name]
    assert all(first[name] != other[name] for name in data)


def test_writing_the_same_again_touches_no_file(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    write_sources(SHOP, folder)
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert after == before


def test_the_shop_has_the_size_and_the_oddities_of_real_data(rows):
    counts = {
        table: rows(f"select count(*) from {table}")[0][0]
        for table in ("clientes", "productos", "pedidos", "detalle_pedidos")
    }
    assert {name: counts[name] for name in ("clientes", "productos", "pedidos")} == {
        "clientes": 100,
        "productos": 40,
        "pedidos": 500,
    }
    assert 900 < counts["detalle_pedidos"] < 1100
    assert rows("pragma foreign_key_check") == []
    assert rows("select count(*) from clientes where email is null") == [(8,)]
    shared = "select count(*) from (select 1 from clientes group by email having count(email) > 1)"
    assert rows(shared) == [(3,)]
    assert rows("select count(*) from productos where stock = 0")[0][0] >= 4
    states = {state for (state,) in rows("select distinct estado from pedidos")}
    assert states == {"entregado", "en_camino", "cancelado", "preparando", "devuelto"}
    wrong = (
        "select count(*) from detalle_pedidos where "
        "abs(subtotal - cantidad * precio_unitario * (1 - descuento)) > 0.006"
    )
    assert rows(wrong) == [(0,)]


def test_types_are_declared_as_in_the_original(rows):
    declared = dict(rows("select name, type from pragma_table_info('productos')"))
    assert declared["precio_unitario"] == "decimal(12,2)"
    assert declared["activo"] == "tinyint"


def test_the_bank_pays_some_orders_in_two_parts_and_cancelled_ones_too(folder, rows):
    header, *lines = (folder / "sftp/upload/pagos_banco.csv").read_text("utf-8").splitlines()
    assert header == ("pago_id,pedido_id,fecha_pago,monto,banco,cbu,estado,comision_bancaria,tipo")
    payments = [line.split(",") for line in lines]
    orders = [int(payment[1]) for payment in payments]
    assert len(set(orders)) < len(orders)
    cancelled = {n for (n,) in rows("select pedido_id from pedidos where estado = 'cancelado'")}
    assert cancelled & set(orders)
    assert all(len(payment[5]) == 22 and payment[5].startswith("00") for payment in payments)


def test_every_format_reads_back_with_a_reader_of_its_own(folder):
    upload = folder / "sftp/upload"
    shipments = json.loads((upload / "envios_courier.json").read_text("utf-8"))
    assert 350 < len(shipments) < 450
    events = shipments[0]["tracking_history"]
    assert set(events[0]) == {"estado", "fecha", "ubicacion"}
    root = ElementTree.parse(upload / "catalogo_proveedor.xml").getroot()
    assert (root.tag, root.get("fecha")) == ("catalogo", "2026-06-30")
    assert {p.findtext("disponible") for p in root.iter("producto")} == {"si", "no"}
    sheet = openpyxl.load_workbook(upload / "liquidacion_mp.xlsx")["Liquidaciones"]
    header, *settlements = sheet.iter_rows(values_only=True)
    assert header[:3] == ("operacion_mp", "pedido_id", "fecha_operacion")
    assert all(isinstance(row[2], str) and row[0].startswith("MP-") for row in settlements)
    assert {row[9] for row in settlements} == {"liquidado", "retenido"}
    claims = (upload / "reclamos.txt").read_text("utf-8")
    assert claims.startswith("reclamo_id|pedido_id|cliente_id|fecha_reclamo|tipo|")
    assert not claims.endswith("\n")
    assert {line.count("|") for line in claims.splitlines()} == {7}


@pytest.mark.parametrize(
    ("year", "day"),
    [(2024, date(2024, 3, 31)), (2025, date(2025, 4, 20)), (2026, date(2026, 4, 5))],
)
def test_easter_is_where_the_calendar_has_it(year, day):
    assert easter_sunday(year) == day


def test_a_year_has_about_eighteen_holidays_of_the_three_kinds():
    for year in range(2024, 2041):
        found = holidays(year)
        assert 16 <= len(found) <= 22
        assert {holiday["tipo"] for holiday in found} == {"inamovible", "trasladable", "puente"}
        assert all(date.fromisoformat(holiday["fecha"]).year == year for holiday in found)


def test_the_api_answers_with_whole_and_broken_numbers_and_one_field_more(folder):
    with running_sources(folder) as variables:
        base = variables["TECHSTORE_DOLAR_URL"]
        now = httpx.get(f"{base}/v1/dolares").json()
        history = httpx.get(f"{base}/v1/cotizaciones/dolares/blue").json()
        holidays_of_2026 = httpx.get(f"{base}/v1/feriados/2026?x=1").json()
        missing = [
            httpx.get(f"{base}{path}").status_code
            for path in ("/", "/v1", "/v1/dolares.json", "/v1/feriados/1816", "/%2e%2e/techstore")
        ]
    assert [quote["casa"] for quote in now if "variacion" in quote] == ["tarjeta"]
    assert {type(quote["venta"]) for quote in now} == {int, float}
    assert history[-1]["venta"] == next(q["venta"] for q in now if q["casa"] == "blue")
    assert all(date.fromisoformat(quote["fecha"]).isoweekday() < 6 for quote in history)
    assert len(holidays_of_2026) == 18
    assert missing == [404] * 5


@pytest.fixture
def sftp(folder):
    with running_sources(folder) as variables:
        port = int(variables["TECHSTORE_SFTP_PORT"])
        with closing(paramiko.Transport(("127.0.0.1", port))) as transport:
            transport.connect(
                username=variables["TECHSTORE_SFTP_USER"],
                password=variables["TECHSTORE_SFTP_PASSWORD"],
            )
            key = transport.get_remote_server_key()
            assert variables["TECHSTORE_SFTP_HOST_KEY"] == f"ssh-ed25519 {key.get_base64()}"
            yield paramiko.SFTPClient.from_transport(transport)


def test_the_sftp_server_hands_out_the_files_of_its_folder(folder, sftp):
    names = sorted(sftp.listdir("/upload"))
    assert names == sorted(path.name for path in (folder / "sftp/upload").iterdir())
    for name in names:
        local = folder / "sftp/upload" / name
        with sftp.open(f"/upload/{name}") as file:
            file.prefetch()
            assert file.read() == local.read_bytes()
        assert sftp.stat(f"/upload/{name}").st_mtime == int(local.stat().st_mtime)


@pytest.mark.parametrize(
    "path",
    ["/../techstore.db", "../techstore.db", "/upload/../../techstore.db", "/etc/passwd", "/link"],
)
def test_no_path_leads_out_of_the_folder_of_the_sftp_server(folder, sftp, path):
    link = folder / "sftp" / "link"
    link.symlink_to(folder / "techstore.db")
    try:
        for look in (sftp.stat, sftp.open):
            with pytest.raises(FileNotFoundError):
                look(path)
    finally:
        link.unlink()


def test_nothing_can_be_written_on_the_sftp_server(folder, sftp):
    before = hashes(folder)
    name = "/upload/reclamos.txt"
    for change in (
        lambda: sftp.open(name, "w"),
        lambda: sftp.open(name, "a"),
        lambda: sftp.open("/upload/new.txt", "w"),
        lambda: sftp.remove(name),
        lambda: sftp.rename(name, "/upload/x"),
        lambda: sftp.mkdir("/upload/x"),
    ):
        with pytest.raises(OSError):  # noqa: PT011  (its subclass is the server's choice)
            change()
    assert hashes(folder) == before


def test_a_wrong_password_is_refused(folder):
    with running_sources(folder) as variables:
        port = int(variables["TECHSTORE_SFTP_PORT"])
        with (
            closing(paramiko.Transport(("127.0.0.1", port))) as transport,
            pytest.raises(paramiko.AuthenticationException),
        ):
            transport.connect(username="techstore", password="guess")


def test_the_variables_are_those_of_before_when_the_servers_are_gone(folder, monkeypatch):
    monkeypatch.setenv("TECHSTORE_SFTP_HOST", "sftp.example.com")
    monkeypatch.delenv("TECHSTORE_DOLAR_URL", raising=False)
    with running_sources(folder) as variables:
        assert os.environ["TECHSTORE_SFTP_HOST"] == "127.0.0.1"
        url = variables["TECHSTORE_DOLAR_URL"]
    assert os.environ["TECHSTORE_SFTP_HOST"] == "sftp.example.com"
    assert "TECHSTORE_DOLAR_URL" not in os.environ
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/v1/dolares")


@pytest.mark.long
def test_memory_stays_flat_in_the_size_of_the_shop(tmp_path):

    def peak(scale: int) -> int:
        tracemalloc.start()
        write_sources(Shop(scale=scale), tmp_path / str(scale))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(4) < 1.5 * peak(1)
