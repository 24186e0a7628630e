"""Wells with their sensors, their pumps one after the other, and their stops.

Everything follows from the seed of the random numbers: the same arguments give the same wells.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FIRST_MOMENT = datetime(2024, 3, 1, 6, tzinfo=UTC)
STEP = timedelta(minutes=10)
MOST_WELLS = 50
_FIRST_NUMBERS = (139, 457)
# Hours between two pumps in which the well has none, yet its sensors go on.
_HOURS_OF_CHANGE = 6


@dataclass(frozen=True)
class Sensor:
    """A sensor, by the header of its column.

    Attributes:
        level: about what it shows, in its own unit.
        spread: how far it goes up and down from there.
    """

    name: str
    level: float
    spread: float


@dataclass(frozen=True)
class Pump:
    """A pump in a well; `ended` is None while it runs. Moments are in UTC."""

    number: str
    model: str
    brand: str
    motor: str
    began: datetime
    ended: datetime | None


@dataclass(frozen=True)
class Stop:
    """A stop of a well; `ended` is None while it stands still. Moments are in UTC."""

    kind: str
    detail: str
    began: datetime
    ended: datetime | None
    comment: str


@dataclass(frozen=True)
class Well:
    """A well with all that is told of it."""

    number: int
    sensors: tuple[Sensor, ...]
    pumps: tuple[Pump, ...]
    stops: tuple[Stop, ...]


_USUAL_SENSORS = (
    Sensor("Corriente de entrada", 45, 6),
    Sensor("Frecuencia de operación", 52, 2),
    Sensor("Presión de succión", 1180, 60),
    Sensor("Presión de descarga", 2950, 120),
    Sensor("Temperatura de motor", 118, 5),
    Sensor("Temperatura de succión", 96, 3),
    Sensor("Vibración eje X", 0.35, 0.1),
    Sensor("Voltaje de entrada", 2310, 40),
)
_FURTHER_SENSORS = (
    Sensor("Corriente de fuga", 0.8, 0.2),
    Sensor("Vibración eje Y", 0.31, 0.1),
    Sensor("Presión en cabeza", 210, 15),
    Sensor("Temperatura en cabeza", 74, 4),
    Sensor("Gasto de líquido", 3400, 250),
    Sensor("Velocidad de motor", 3080, 90),
    Sensor("Factor de potencia", 0.84, 0.03),
)
_FURTHER_OF_A_WELL = 4
_PUMPS = (
    ("P8000-62", "Bombas del Golfo", "M562-220"),
    ("DN4300-88", "Centrífuga Ñandú", "M456-180"),
    ("TE5500-70", "Hidráulica Tampico", "M540-200"),
)
_STOPS = (
    ("Eléctrico", "Sobrecorriente", "se revisó el variador"),
    ("Eléctrico", "Falla de suministro", "tormenta en la zona"),
    ("Mecánico", "Atascamiento", "arena en la bomba, según el operador"),
    ("Operativo", "Mantenimiento programado", ""),
)


def make_wells(count: int, rows: int, seed: int) -> Iterator[Well]:
    """Wells 139 and 457, and then others.

    Args:
        count: how many, at most `MOST_WELLS`.
        rows: ten-minute lines of each, which say how long a well is watched.
        seed: of the random numbers.
    """
    if not 1 <= count <= MOST_WELLS:
        raise ValueError(f"count is {count}, must be from 1 to {MOST_WELLS}")
    others = range(601, 601 + 3 * MOST_WELLS, 3)
    for place, number in enumerate((*_FIRST_NUMBERS, *others)[:count]):
        yield _well(number, place, rows, random.Random(f"{seed}-{number}"))


def _well(number: int, place: int, rows: int, random_numbers: random.Random) -> Well:
    further = random_numbers.sample(_FURTHER_SENSORS, _FURTHER_OF_A_WELL)
    end = FIRST_MOMENT + rows * STEP
    change = FIRST_MOMENT + (rows * 9 // 20) * STEP
    back = change + timedelta(hours=_HOURS_OF_CHANGE)
    model, brand, motor = _PUMPS[place % len(_PUMPS)]
    newer, newer_brand, newer_motor = _PUMPS[(place + 1) % len(_PUMPS)]
    pumps = (
        Pump(f"BEC-{number}-1", model, brand, motor, FIRST_MOMENT - timedelta(days=40), change),
        Pump(f"BEC-{number}-2", newer, newer_brand, newer_motor, back, None),
    )
    stops = [
        Stop("Mecánico", "Cambio de equipo", change - 12 * STEP, back, "se cambió la bomba"),
        *_short_stops(rows, random_numbers),
    ]
    if place % 2 == 1:
        kind, detail, comment = _STOPS[0]
        stops.append(Stop(kind, detail, end - rows // 40 * STEP, None, comment))
    return Well(number, (*_USUAL_SENSORS, *further), pumps, tuple(stops))


def _short_stops(rows: int, random_numbers: random.Random) -> Iterator[Stop]:
    """A stop for each 500 lines; every third has another one that begins before it has ended."""
    for number in range(max(1, rows // 500)):
        began = FIRST_MOMENT + random_numbers.randrange(rows * 19 // 20) * STEP
        ended = began + random_numbers.randrange(3, 40) * STEP
        kind, detail, comment = random_numbers.choice(_STOPS)
        yield Stop(kind, detail, began, ended, comment)
        if number % 3 == 0:
            yield Stop(kind, detail, began + STEP, ended + 2 * STEP, "")
