"""The picture of docs/lineage.md is what events say."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "docs" / "draw_lineage.py"


def make_event(kind, reads, writes=None, *, success=True):
    tested = {"dataQualityAssertions": {"assertions": [{"success": success, "severity": "warn"}]}}
    written = [] if writes is None else [{"namespace": "n", "name": writes}]
    return {
        "eventType": "COMPLETE",
        "job": {"facets": {"jobType": {"jobType": kind}}},
        "inputs": [
            {"namespace": "n", "name": reads, "inputFacets": tested if kind == "TEST" else {}}
        ],
        "outputs": written,
    }


def test_a_picture_shows_each_dataset_once_with_its_place_and_its_tests(tmp_path):
    events = [
        make_event("EXTRACT", "/in/a.csv", "/raw/files/orders"),
        make_event("MODEL", "/raw/files/orders", "shop.marts.fct_orders"),
        make_event("TEST", "shop.marts.fct_orders", success=False),
    ]
    file, picture = tmp_path / "events.jsonl", tmp_path / "picture.svg"
    file.write_text("\n".join(map(json.dumps, events)))
    subprocess.run([sys.executable, str(SCRIPT), str(file), str(picture)], check=True)
    drawn = picture.read_text()
    titles = ("a.csv · source", "files.orders · RAW lake · pass", "fct_orders · warehouse · warn")
    for title in titles:
        assert drawn.count(f"<title>{title}</title>") == 1
    assert "/in/" not in drawn
