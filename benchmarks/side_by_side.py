"""What is measured side by side: options, rounds in turns, loads in processes of their own."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from benchmarks.measurements import (
    MeasurementError,
    Spread,
    machine,
    ratios,
    timed,
    write_json,
)

LOAD_CHILD = Path(__file__).resolve().with_name("load_child.py")
OUR_PYTHON = Path(sys.executable)
Measured = TypeVar("Measured")
Runs = dict[str, list[dict[str, float]]]


def option_parser(doc: str) -> argparse.ArgumentParser:
    """The options of every benchmark; the first line of `doc` says what it is."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write every measurement to this file")
    return parser


def in_turns(
    names: Sequence[str], rounds: int, measure: Callable[[str], Measured]
) -> dict[str, list[Measured]]:
    """Measure each name once a round; every other round goes through them backwards."""
    measured: dict[str, list[Measured]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            measured[name].append(measure(name))
    return measured


def conclude(
    options: argparse.Namespace, console: Console, measured: Mapping[str, object], *notes: str
) -> None:
    """Say what it was measured on and how; keep it all if `--json` names a file."""
    console.print("; ".join((machine(), f"{options.rounds} rounds, in turns", *notes)))
    if options.json:
        write_json(options.json, {"machine": machine(), **measured})


@dataclass(frozen=True)
class SideBySide:
    """Loaders of the same source.

    Attributes:
        module: module of `benchmarks` with their LOADERS.
        baseline: the loader that all are compared with, and that always takes part.
        labels: what the table calls each loader, in its order.
    """

    module: str
    baseline: str
    labels: Mapping[str, str]

    def option_parser(self, doc: str) -> argparse.ArgumentParser:
        """The options of every benchmark of loads."""
        parser = option_parser(doc)
        parser.add_argument("--threads", type=int, default=2)
        parser.add_argument("--folder", type=Path, help="scratch; default the temporary folder")
        parser.add_argument(
            "--without",
            nargs="*",
            action="extend",
            default=[],
            choices=[name for name in self.labels if name != self.baseline],
        )
        return parser

    def load_once(
        self,
        loader: str,
        source: Path,
        folder: Path,
        *,
        rows: int,
        threads: int,
        python: Path = OUR_PYTHON,
    ) -> dict[str, float]:
        """Load in a new process into a new folder, which is removed afterwards.

        Args:
            loader: which one.
            source: file to load, or that says where the rows are.
            folder: for the loader's folder, measurements and log.
            rows: how many there are to load.
            threads: how many the loader may use, if it can be told.
            python: of the environment that has the loader's packages.

        Returns:
            rows, seconds of the load, processor_seconds, peak_rss_bytes.

        Raises:
            MeasurementError: the process failed, or loaded another number of rows.
        """
        folder = folder.resolve()
        target, answer = folder / loader, folder / f"{loader}.json"
        target.mkdir()
        what: list[str | Path] = [self.module, loader, source.resolve(), target, answer]
        try:
            timed(
                [python, LOAD_CHILD, *what, f"--threads={threads}"],
                environment=os.environ,
                folder=target,
                log=folder / f"{loader}.log",
            )
        finally:
            shutil.rmtree(target)
        told: dict[str, float] = json.loads(answer.read_text("utf-8"))
        if told["rows"] != rows:
            raise MeasurementError(f"{loader} loaded {told['rows']} of {rows} rows")
        return told

    def measure(
        self,
        options: argparse.Namespace,
        source: Path,
        folder: Path,
        rows: int,
        pythons: Mapping[str, Path] | None = None,
    ) -> Runs:
        """Every loader that takes part, in turns.

        Args:
            options: as `option_parser` reads them.
            source: see `load_once`.
            folder: see `load_once`.
            rows: see `load_once`.
            pythons: of the loaders that do not run in our own environment.

        Returns:
            By loader, what `load_once` returned in each round.

        Raises:
            MeasurementError: see `load_once`.
        """
        python_of = pythons or {}

        def measure_one(loader: str) -> dict[str, float]:
            python = python_of.get(loader, OUR_PYTHON)
            return self.load_once(
                loader, source, folder, rows=rows, threads=options.threads, python=python
            )

        loaders = [name for name in self.labels if name not in options.without]
        return in_turns(loaders, options.rounds, measure_one)

    def report(self, runs: Runs, title: str, console: Console) -> None:
        """Show seconds, ratio to the baseline, processor time and peak memory."""
        table = Table(
            "median (min-max)",
            "seconds",
            f"x {self.baseline}",
            "processor seconds",
            "peak, MB",
            title=title,
        )
        seconds = {name: [run["seconds"] for run in told] for name, told in runs.items()}
        for name, told in runs.items():
            table.add_row(
                self.labels[name],
                Spread(tuple(seconds[name])).shown(),
                ratios(seconds[name], seconds[self.baseline]).shown(),
                Spread(tuple(run["processor_seconds"] for run in told)).shown(),
                Spread(tuple(run["peak_rss_bytes"] / 1e6 for run in told)).shown(0),
            )
        console.print(table)
