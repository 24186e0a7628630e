"""Telemetry files of the demo's bioreactors: one Parquet file for each batch and day.

The same arguments give the same bytes, and each batch has random numbers of its own: more batches
leave the files of the first ones as they are.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from demo.bioreactor.signals import TAGS, Faults, make_signal
from demo.kept_files import whole_file

FIRST_DAY = date(2025, 3, 1)
SITE = "OXB-HQ"
REACTORS = 3
# The last two are past midnight before their twelve hours are over.
_STARTS = (time(6), time(14), time(20))
_COLUMNS: dict[str, pa.DataType] = {
    "batch_id": pa.string(),
    "site": pa.string(),
    "equipment_id": pa.string(),
    "ts": pa.timestamp("us"),
    "tag": pa.string(),
    "value": pa.float64(),
}
SCHEMA = pa.schema(_COLUMNS)


@dataclass
class Telemetry:
    """Files that were written, and what is in them.

    Attributes:
        paths: in the order of batches and days.
        samples: rows of all files.
        missed_samples: those that the gaps took.
        drifts: series (one tag of one batch) that drift beyond the limit of their tag.
        gaps: stretches of more than two minutes without samples of a series.
        outliers: samples outside of the limits of their tag.
    """

    paths: list[Path] = field(default_factory=list)
    batches: int = 0
    samples: int = 0
    missed_samples: int = 0
    drifts: int = 0
    gaps: int = 0
    outliers: int = 0


@dataclass(frozen=True)
class Sample:
    """One row of a file; `ts` is in UTC and without a zone, `value` in the unit of the tag."""

    batch_id: str
    equipment_id: str
    ts: datetime
    tag: str
    value: float


def write_telemetry(
    folder: Path,
    *,
    batches: int = 24,
    reactors: int = REACTORS,
    seed: int = 7,
    first_day: date = FIRST_DAY,
    faults: Faults | None = None,
) -> Telemetry:
    """Write `batches` batches of twelve hours, each reactor runs one a day.

    Args:
        folder: where to write; made if missing.
        batches: how many, numbered from BATCH001.
        reactors: BIOREACTOR_A1 and so on.
        seed: of the random numbers.
        first_day: on which the first batches begin.
        faults: how often what goes wrong; none of it: `Faults(0, 0, 0)`.

    Returns:
        The files, and the exact counts of what is in them.
    """
    told = Telemetry(batches=batches)
    for number in range(batches):
        samples = list(_batch(number, reactors, seed, first_day, faults or Faults(), told))
        told.samples += len(samples)
        for day, of_day in groupby(samples, key=lambda sample: sample.ts.date()):
            told.paths.append(write_file(folder, day, list(of_day)))
    return told


def _batch(
    number: int, reactors: int, seed: int, first_day: date, faults: Faults, told: Telemetry
) -> Iterator[Sample]:
    random_numbers = random.Random(f"{seed}-{number}")
    reactor = number % reactors
    day = first_day + timedelta(days=number // reactors)
    start = datetime.combine(day, _STARTS[reactor % len(_STARTS)], UTC).replace(tzinfo=None)
    rows = []
    for name, tag in TAGS.items():
        signal = make_signal(tag, faults, random_numbers)
        told.drifts += signal.drifts
        told.gaps += signal.gaps
        told.outliers += signal.outliers
        told.missed_samples += signal.missed
        rows += [(minute, name, value) for minute, value in signal.values.items()]
    rows.sort(key=lambda row: row[0])
    for minute, name, value in rows:
        yield Sample(
            batch_id=f"BATCH{number + 1:03d}",
            equipment_id=f"BIOREACTOR_A{reactor + 1}",
            ts=start + timedelta(minutes=minute),
            tag=name,
            value=value,
        )


def write_file(folder: Path, day: date, samples: list[Sample], *, name: str = "") -> Path:
    """Write one file, under the name of its batch and day unless another is given.

    Args:
        folder: where to write; made if missing.
        day: of the file.
        samples: at least one unless a name is given; all of one batch.
        name: without the ending.

    Returns:
        The file.
    """
    path = folder / f"{name or f'bioreactor_{samples[0].batch_id}_{day:%Y%m%d}'}.parquet"
    table = pa.table(
        {
            "batch_id": [sample.batch_id for sample in samples],
            "site": [SITE] * len(samples),
            "equipment_id": [sample.equipment_id for sample in samples],
            "ts": [sample.ts for sample in samples],
            "tag": [sample.tag for sample in samples],
            "value": [sample.value for sample in samples],
        },
        schema=SCHEMA,
    )
    with whole_file(path) as unfinished:
        pq.write_table(table, unfinished, compression="zstd")
    return path
