"""Draw OpenLineage events as a picture: `python docs/draw_lineage.py EVENTS.jsonl PICTURE.svg`.

The events are those of a file transport, one a line. The picture shows what the events say and
nothing else: who reads what, and which tests do not hold.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lakehouse.quality.build_results import Status, worst
from lakehouse.quality.run_facts import Lineage, LineageKind, LineageNode
from lakehouse.reports.lineage.standing import LineageWords
from lakehouse.reports.lineage.svg import lineage_svg

Event = Mapping[str, Any]
Key = tuple[str, str]
# By the kind of the job that wrote a dataset.
_KINDS: Mapping[str, LineageKind] = {"EXTRACT": "source", "PUBLISH": "published"}
_WORDS = LineageWords(
    kinds={
        "seed": "source",
        "source": "RAW lake",
        "model": "warehouse",
        "published": "serving copy",
    }
)


def lineage_of_events(events: Iterable[Event]) -> Lineage:
    """The datasets of some events, and which of them is read for which."""
    kinds: dict[Key, LineageKind] = {}
    statuses: dict[Key, list[Status]] = {}
    edges: dict[tuple[str, str], None] = {}
    for event in events:
        if event["eventType"] not in ("COMPLETE", "FAIL"):
            continue
        done: Status = "pass" if event["eventType"] == "COMPLETE" else "fail"
        for read in event["inputs"]:
            kinds.setdefault(_key(read), "seed")
            statuses.setdefault(_key(read), []).extend(_tested(read))
        for written in event["outputs"]:
            job = event["job"]["facets"]["jobType"]["jobType"]
            kinds[_key(written)] = _KINDS.get(job, "model")
            statuses.setdefault(_key(written), []).append(done)
            for read in event["inputs"]:
                edges[_id(_key(read)), _id(_key(written))] = None
    nodes = [
        LineageNode(_id(key), _name(key, kind), kind, worst(statuses.get(key, ())))
        for key, kind in kinds.items()
    ]
    return Lineage(tuple(nodes), tuple(edges))


def _tested(dataset: Mapping[str, Any]) -> Iterator[Status]:
    facet = dataset["inputFacets"].get("dataQualityAssertions", {})
    for assertion in facet.get("assertions", ()):
        if assertion["success"]:
            yield "pass"
        else:
            yield "warn" if assertion.get("severity") == "warn" else "fail"


def _key(dataset: Mapping[str, Any]) -> Key:
    return dataset["namespace"], dataset["name"]


def _id(key: Key) -> str:
    return " ".join(key)


def _name(key: Key, kind: LineageKind) -> str:
    if kind == "seed":
        return PurePosixPath(key[1]).name
    if kind == "source":
        return ".".join(PurePosixPath(key[1]).parts[-2:])
    # The first parts are the file, which the kind says, and the schema.
    _, schema, table = key[1].split(".", 2)
    return f"{schema}.{table}" if kind == "published" else table


def main(arguments: list[str]) -> int:
    """Read the events and write the picture; returns the exit code."""
    if len(arguments) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    events, picture = map(Path, arguments)
    told = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    drawn = lineage_svg(lineage_of_events(told), title="Datasets of a run", words=_WORDS)
    picture.write_text(drawn + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
