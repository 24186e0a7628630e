"""Files of wells: readings, pumps and stops of each, with the defects of real senders."""

import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from demo.kept_files import whole_file
from demo.wells.fleet import MOST_WELLS, Stop, Well, make_wells
from demo.wells.readings import Defects, lines_of

THREE_WEEKS = 3 * 7 * 144
FULL_ROWS = 65_000
_LOCAL = timezone(timedelta(hours=-6))
_PUMP_HEADER = (
    "modelo_bomba",
    "marca_bomba",
    "modelo_motor",
    "numero_equipo",
    "fecha_entrada_operacion",
    "fecha_salida_operacion",
)
_STOP_HEADER = (
    "categoria_principal",
    "categoria_secundaria",
    "fecha_paro",
    "fecha_reinicio",
    "comentario",
)


@dataclass
class WellsDelivery:
    """What was written.

    Attributes:
        paths: files, three of each well.
        wells: the wells.
        defects: what is wrong in the files on purpose.
    """

    paths: list[Path] = field(default_factory=list)
    wells: list[Well] = field(default_factory=list)
    defects: Defects = field(default_factory=Defects)


def size_at(scale: int) -> tuple[int, int]:
    """Wells and lines of each at so many times the smallest data: first more wells, then longer.

    Two wells over three weeks are the smallest; more than `MOST_WELLS` of `FULL_ROWS` there are
    not.
    """
    wells = min(2 * scale, MOST_WELLS)
    return wells, min(FULL_ROWS, max(1, 2 * scale // wells) * THREE_WEEKS)


def write_wells(
    folder: Path, *, wells: int = 2, rows: int = THREE_WEEKS, seed: int = 7
) -> WellsDelivery:
    """Write the files of some wells.

    Args:
        folder: where to write; made if missing.
        wells: how many, at most `MOST_WELLS`.
        rows: ten-minute lines of each well, at least 300.
        seed: of the random numbers.
    """
    if rows < 300:
        raise ValueError(f"rows is {rows}, must be at least 300: two pumps need their time")
    told = WellsDelivery()
    for well in make_wells(wells, rows, seed):
        random_numbers = random.Random(f"{seed}-{well.number}-readings")
        header = ("timestamp", *(sensor.name for sensor in well.sensors))
        lines = lines_of(well, rows, random_numbers, told.defects)
        told.wells.append(well)
        told.paths += [
            _write(folder / f"AYATSIL-{well.number}_all.csv", header, lines),
            _write(folder / f"BEC_AYATSIL-{well.number}_all.csv", _PUMP_HEADER, _pumps(well)),
            _write(
                folder / f"Eventos_AYATSIL-{well.number}_all.csv",
                _STOP_HEADER,
                _stops(well, told.defects),
            ),
        ]
    return told


def _pumps(well: Well) -> Iterator[Sequence[str]]:
    for place, pump in enumerate(well.pumps):
        ended = _local(pump.ended, place) if pump.ended else ""
        names = (pump.model, pump.brand, pump.motor, pump.number)
        yield (*names, _local(pump.began, place), ended)


def _stops(well: Well, defects: Defects) -> Iterator[Sequence[str]]:
    for place, stop in enumerate(sorted(well.stops, key=_began)):
        ended = _local(stop.ended, place + 1) if stop.ended else ""
        defects.open_stops += stop.ended is None
        yield (stop.kind, stop.detail, _local(stop.began, place), ended, stop.comment)
    defects.bad_stops += 1
    yield ("Operativo", "Paro manual", "2024-02-30T08:00:00-06:00", "", "fecha mal capturada")


def _began(stop: Stop) -> datetime:
    return stop.began


def _local(moment: datetime, place: int) -> str:
    """A moment as written by hand: `T` or a blank between, and the offset in two ways."""
    form = "%Y-%m-%dT%H:%M:%S-06:00" if place % 2 else "%Y-%m-%d %H:%M:%S-0600"
    return f"{moment.astimezone(_LOCAL):{form}}"


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    with (
        whole_file(path) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path
