"""One tag of one batch as a sensor would report it: noise around a set point, and what goes wrong.

Noise and drift stay within the tag's limits (seed `bioreactor_tag_limits`), outliers lie outside of
them by half the width of the limits or more, so that what is found can be counted beforehand.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

SAMPLES = 720
_EDGE = 30
_GAP_MINUTES = (6, 30)
_OUTLIERS = (1, 4)
# A gap or an outlier keeps this far from another one.
_APART = 20


@dataclass(frozen=True)
class Tag:
    """What a sensor measures.

    Attributes:
        set_point: normal value, in the unit of the tag.
        noise: greatest distance of a sample from it, in the same unit.
        drift_per_hour: slope of a series that drifts, beyond the tag's limit of drift.
        limits: lowest and highest normal value.
        falls: whether a drift only goes down, as a nutrient that is used up.
    """

    set_point: float
    noise: float
    drift_per_hour: float
    limits: tuple[float, float]
    falls: bool = False


TAGS: Mapping[str, Tag] = {
    "pH": Tag(7.2, 0.02, 0.03, (6.7, 7.7)),
    "DO": Tag(60.0, 2.0, 1.5, (30.0, 90.0)),
    "Temp": Tag(37.0, 0.05, 0.08, (35.5, 38.5)),
    "Agitation": Tag(200.0, 3.0, 3.0, (150.0, 250.0)),
    "Glucose": Tag(4.5, 0.05, 0.2, (1.5, 7.5), falls=True),
}


@dataclass(frozen=True)
class Faults:
    """How often something goes wrong, as a probability for each series (one tag of one batch)."""

    drift: float = 0.1
    gap: float = 0.1
    outliers: float = 0.1


@dataclass
class Signal:
    """The samples of one series.

    Attributes:
        values: by minute from the start of the batch; minutes of a gap are missing.
        drifts: whether it drifts.
        gaps: stretches without samples.
        outliers: samples outside of the limits.
    """

    values: dict[int, float]
    drifts: bool = False
    gaps: int = 0
    outliers: int = 0
    missed: int = field(default=0)


def make_signal(tag: Tag, faults: Faults, random_numbers: random.Random) -> Signal:
    """Make the 720 samples of a tag, one a minute, less those of a gap."""
    drifts = random_numbers.random() < faults.drift
    sign = -1 if tag.falls or random_numbers.random() < 0.5 else 1
    slope = sign * tag.drift_per_hour / 60 if drifts else 0.0
    signal = Signal(
        {
            minute: tag.set_point + slope * minute + random_numbers.uniform(-tag.noise, tag.noise)
            for minute in range(SAMPLES)
        },
        drifts=drifts,
    )
    free = list(range(_EDGE, SAMPLES - _EDGE - _GAP_MINUTES[1], _APART + _GAP_MINUTES[1]))
    if random_numbers.random() < faults.gap:
        begin = free.pop(random_numbers.randrange(len(free)))
        for minute in range(begin, begin + random_numbers.randint(*_GAP_MINUTES)):
            del signal.values[minute]
        signal.gaps = 1
        signal.missed = SAMPLES - len(signal.values)
    if random_numbers.random() < faults.outliers:
        signal.outliers = random_numbers.randint(*_OUTLIERS)
        for minute in random_numbers.sample(free, signal.outliers):
            signal.values[minute] = _outlier(tag, random_numbers)
    signal.values = {minute: round(value, 4) for minute, value in signal.values.items()}
    return signal


def _outlier(tag: Tag, random_numbers: random.Random) -> float:
    low, high = tag.limits
    beyond = (high - low) * random_numbers.uniform(0.5, 1.0)
    return high + beyond if random_numbers.random() < 0.5 else low - beyond
