"""The lines of a well's sensors: gaps, offsets that vary, numbers that are none."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from demo.wells.fleet import FIRST_MOMENT, STEP, Pump, Well

_TEXTS = ("N/A", "1,234.5", "Sin señal", "N/A", "---")
_FORMS = (
    ("%Y-%m-%d %H:%M:%S", -6, "-0600"),
    ("%Y-%m-%dT%H:%M:%S", -6, "-06:00"),
    ("%Y-%m-%d %H:%M:%S", -5, "-0500"),
    ("%Y-%m-%d %H:%M:%S", 0, "+00:00"),
)
_LINES_IN_ONE_FORM = 400
_WEAK_SENSOR = 7
# Of a hundred cells of the weak sensor of every second well so many are empty.
_EMPTY_IN_A_HUNDRED = 30


@dataclass
class Defects:
    """What was written wrong, or left out, on purpose.

    Attributes:
        lines: lines written.
        texts: cells of sensors that hold no number.
        bad_moments: lines whose moment cannot be read.
        repeated: lines of a moment that another line has too.
        without_pump: lines of a moment at which no pump was in the well, bad ones not counted.
        bad_stops: stops whose dates cannot be.
        open_stops: stops that have not ended.
    """

    lines: int = 0
    texts: int = 0
    bad_moments: int = 0
    repeated: int = 0
    without_pump: int = 0
    bad_stops: int = 0
    open_stops: int = 0


def lines_of(
    well: Well, rows: int, random_numbers: random.Random, defects: Defects
) -> Iterator[list[str]]:
    """The lines of a well in the order of time, and what is wrong with them into `defects`.

    Args:
        well: whose.
        rows: ten-minute steps; those in a gap have no line.
        random_numbers: what the values follow from.
        defects: counts, added to.
    """
    missing = _gaps(rows, random_numbers)
    there = [step for step in range(rows) if step not in missing]
    marked = random_numbers.sample(there[: len(there) - 1], len(_TEXTS) + 3)
    texts = dict(zip(marked[3:], _TEXTS, strict=True))
    without_day, without_offset, twice = marked[:3]
    # So that every second well has a sensor that covers too little.
    weak = _WEAK_SENSOR if well.number % 2 else None
    for step in there:
        moment = FIRST_MOMENT + step * STEP
        line = [written(moment, step), *_values(well, step, random_numbers, weak)]
        if step in texts:
            line[1 + step % len(well.sensors)] = texts[step]
            defects.texts += 1
        if step == without_day:
            line[0] = "sin fecha"
            defects.bad_moments += 1
        elif step == without_offset:
            line[0] = f"{moment:%Y-%m-%d %H:%M:%S}"
            defects.bad_moments += 1
        elif not any(_runs(pump, moment) for pump in well.pumps):
            defects.without_pump += 1
        defects.lines += 1
        yield line
        if step == twice:
            defects.lines += 1
            defects.repeated += 1
            yield line


def written(moment: datetime, step: int) -> str:
    """A moment in the form that the senders use at that step."""
    form, hours, offset = _FORMS[step // _LINES_IN_ONE_FORM % len(_FORMS)]
    return f"{moment.astimezone(timezone(timedelta(hours=hours))):{form}}{offset}"


def _values(
    well: Well, step: int, random_numbers: random.Random, weak: int | None
) -> Iterator[str]:
    day = math.sin(2 * math.pi * step / 144)
    for place, sensor in enumerate(well.sensors):
        if place == weak and random_numbers.randrange(100) < _EMPTY_IN_A_HUNDRED:
            yield ""
        else:
            value = sensor.level + sensor.spread * (0.6 * day + 0.4 * random_numbers.random())
            yield f"{value:.3f}"


def _gaps(rows: int, random_numbers: random.Random) -> set[int]:
    """Steps without a line: for each 300 a short gap, for each 1,500 one of six hours."""
    lengths = [random_numbers.randrange(1, 5) for _ in range(max(1, rows // 300))]
    lengths += [36] * (rows // 1500)
    missing: set[int] = set()
    for length in lengths:
        first = random_numbers.randrange(1, rows - length - 1)
        missing.update(range(first, first + length))
    return missing


def _runs(pump: Pump, moment: datetime) -> bool:
    return pump.began <= moment and (pump.ended is None or moment < pump.ended)
