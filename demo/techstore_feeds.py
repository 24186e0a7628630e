"""Answers of the two public APIs: quotes of the dollar, and the holidays of Argentina."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from demo.kept_files import whole_file
from demo.techstore_shop import DAYS_OF_ORDERS, Shop

FIRST_YEAR, LAST_YEAR = 2024, 2040
DAYS_BEFORE_ORDERS = 10
# Selling price in pesos on the first day, by market.
HOUSES = {
    "oficial": ("Oficial", 1180.0),
    "blue": ("Blue", 1215.0),
    "bolsa": ("Bolsa", 1198.4),
    "contadoconliqui": ("Contado con liquidación", 1206.7),
    "mayorista": ("Mayorista", 1172.5),
    "cripto": ("Cripto", 1224.35),
    "tarjeta": ("Tarjeta", 1534.0),
}
_FIXED = (
    (1, 1, "inamovible", "Año nuevo"),
    (3, 24, "inamovible", "Día de la Memoria por la Verdad y la Justicia"),
    (4, 2, "inamovible", "Día del Veterano y de los Caídos en la Guerra de Malvinas"),
    (5, 1, "inamovible", "Día del Trabajador"),
    (5, 25, "inamovible", "Día de la Revolución de Mayo"),
    (6, 17, "trasladable", "Paso a la Inmortalidad del General Güemes"),
    (6, 20, "inamovible", "Paso a la Inmortalidad del General Belgrano"),
    (7, 9, "inamovible", "Día de la Independencia"),
    (8, 17, "trasladable", "Paso a la Inmortalidad del General San Martín"),
    (10, 12, "trasladable", "Día del Respeto a la Diversidad Cultural"),
    (11, 20, "trasladable", "Día de la Soberanía Nacional"),
    (12, 8, "inamovible", "Día de la Inmaculada Concepción de María"),
    (12, 25, "inamovible", "Navidad"),
)


def write_answers(shop: Shop, folder: Path) -> list[Path]:
    """Write each answer as `<path of the request>.json` below `folder`.

    Returns:
        The files, in the order written.
    """
    answers: dict[str, list[dict[str, Any]]] = {"v1/dolares": list(quotes_now(shop))}
    for house in HOUSES:
        answers[f"v1/cotizaciones/dolares/{house}"] = list(quotes_of(shop, house))
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        answers[f"v1/feriados/{year}"] = holidays(year)
    written = []
    for path, records in answers.items():
        with whole_file(folder / f"{path}.json") as unfinished:
            text = json.dumps(records, ensure_ascii=False)
            unfinished.write_text(text, encoding="utf-8")
        written.append(folder / f"{path}.json")
    return written


def quotes_of(shop: Shop, house: str) -> Iterator[dict[str, Any]]:
    """Daily quotes of a market, Monday to Friday; whole numbers come without decimals."""
    draw = shop.random(f"house {house}", 0)
    sale = HOUSES[house][1]
    for day_number in range(DAYS_OF_ORDERS + DAYS_BEFORE_ORDERS):
        day = shop.first_day + timedelta(days=day_number - DAYS_BEFORE_ORDERS)
        sale *= 1 + draw.uniform(-0.006, 0.008)
        if day.isoweekday() > 5:
            continue
        rounded = number(sale if house in ("bolsa", "contadoconliqui") else round(sale / 5) * 5)
        yield {
            "casa": house,
            "compra": number(rounded * 0.98),
            "venta": rounded,
            "fecha": day.isoformat(),
        }


def quotes_now(shop: Shop) -> Iterator[dict[str, Any]]:
    """The quotes of this moment, one a market; one of them says how much it changed."""
    for house, (name, _) in HOUSES.items():
        *_, before, last = quotes_of(shop, house)
        quote = {
            "moneda": "USD",
            "casa": house,
            "nombre": name,
            "compra": last["compra"],
            "venta": last["venta"],
            "fechaActualizacion": f"{last['fecha']}T17:58:00.000Z",
        }
        if house == "tarjeta":
            quote["variacion"] = number(100 * (last["venta"] / before["venta"] - 1))
        yield quote


def holidays(year: int) -> list[dict[str, str]]:
    """The holidays of a year: fixed days, those around Easter, and two days between."""
    easter = easter_sunday(year)
    days = [(date(year, month, day), kind, name) for month, day, kind, name in _FIXED]
    days += [
        (easter - timedelta(days=48), "inamovible", "Carnaval"),
        (easter - timedelta(days=47), "inamovible", "Carnaval"),
        (easter - timedelta(days=2), "inamovible", "Viernes Santo"),
        (date(year, 11, 21), "puente", "Puente turístico no laborable"),
        (date(year, 12, 26), "puente", "Puente turístico no laborable"),
    ]
    return [
        {"fecha": day.isoformat(), "tipo": kind, "nombre": name} for day, kind, name in sorted(days)
    ]


def easter_sunday(year: int) -> date:
    """Easter Sunday in the Gregorian calendar, by the algorithm of Meeus, Jones and Butcher."""
    century = year // 100
    golden = year % 19
    leap = century - century // 4 - (8 * century + 13) // 25
    epact = (leap + 19 * golden + 15) % 30
    epact -= epact // 28 * (1 - epact // 28 * (29 // (epact + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + epact + 2 - century + century // 4) % 7
    offset = epact - weekday
    month = 3 + (offset + 40) // 44
    day = offset + 28 - 31 * (month // 4)
    return date(year, month, day)


def number(value: float) -> int | float:
    """A number as those APIs write it: two decimals, and none where it is whole."""
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded
