import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest

from lakehouse.quality.build_results import NodeResult
from lakehouse.quality.run_facts import (
    GroupFacts,
    PublishFacts,
    RunFacts,
    RunPoint,
    facts_to_json,
)
from lakehouse.reports.pages import render
from lakehouse.reports.pages import write_pages as module
from lakehouse.reports.pages.write_arrivals import write_arrivals
from lakehouse.reports.pages.write_pages import PagesWritten, write_pages
from lakehouse.reports.views import test_view

Make = Callable[..., RunFacts]
MakeTest = Callable[..., NodeResult]


def pages_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_run_has_a_page_for_each_test_and_owner_a_json_and_two_indexes(
    tmp_path: Path, make_facts: Make, make_test: MakeTest
) -> None:
    source = make_test(name="freshness of shop.orders", resource_type="source")
    passing = make_test(name="not_null_id", status="pass", failures=0)
    facts = make_facts(make_test(), passing, source)
    written = write_pages(facts, tmp_path)
    assert pages_of(tmp_path) == [
        "index.html",
        "sales/index.html",
        "sales/owners/finance.html",
        "sales/report.json",
        "sales/tests/freshness-of-shop-orders.html",
        "sales/tests/not-null-id.html",
        "sales/tests/unique-stg-id.html",
    ]
    assert (tmp_path / "sales" / "report.json").read_bytes() == facts_to_json(facts)
    assert written == PagesWritten(
        tmp_path / "sales" / "index.html", tmp_path / "index.html", 7, 0, 0
    )


def test_the_same_run_again_writes_nothing(tmp_path: Path, make_facts: Make) -> None:
    facts = make_facts()
    first = write_pages(facts, tmp_path)
    for path in tmp_path.rglob("*"):
        os.utime(path, (1, 1))
    again = write_pages(facts, tmp_path)
    assert (again.written, again.unchanged) == (0, first.written)
    assert {path.stat().st_mtime for path in tmp_path.rglob("*") if path.is_file()} == {1}


@pytest.mark.parametrize("outcome", ["published", "unchanged", "refused"])
def test_a_publication_changes_no_page_of_a_test(
    tmp_path: Path, make_facts: Make, outcome: Literal["published", "unchanged", "refused"]
) -> None:
    facts = make_facts()
    write_pages(facts, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    publish = PublishFacts(outcome, {"marts.sales": 7}, message="locked", at=facts.started_at)
    told = replace(facts, publish=publish)
    written = write_pages(told, tmp_path, tests=False)
    assert written.removed == 0
    after = {path: path.read_bytes() for path in before}
    changed = {path.name for path in before if before[path] != after[path]}
    assert "index.html" in changed
    assert not changed & {path.name for path in before if path.parent.name == "tests"}
    assert write_pages(told, tmp_path).written == 0


def test_pages_of_tests_and_owners_that_are_no_more_go(
    tmp_path: Path, make_facts: Make, make_test: MakeTest
) -> None:
    write_pages(make_facts(make_test(), make_test(name="old"), groups=()), tmp_path)
    owners = (GroupFacts("finance", "Ana"), GroupFacts("gone", "Leo"))
    write_pages(make_facts(groups=owners), tmp_path)
    written = write_pages(make_facts(), tmp_path)
    assert written.removed == 1
    assert [path.name for path in (tmp_path / "sales" / "tests").iterdir()] == [
        "unique-stg-id.html"
    ]
    assert [path.name for path in (tmp_path / "sales" / "owners").iterdir()] == ["finance.html"]


def test_names_of_foreign_projects_do_not_leave_the_folder(
    tmp_path: Path, make_facts: Make, make_test: MakeTest
) -> None:
    folder = tmp_path / "reports"
    test = make_test(name="../../../etc/passwd")
    groups = (GroupFacts("../../owner", "x"), GroupFacts("/", "y"), GroupFacts("..", "z"))
    write_pages(make_facts(test, domain="../../../outside", groups=groups), folder)
    assert [path.name for path in tmp_path.iterdir()] == ["reports"]
    names = pages_of(folder)
    assert "outside/tests/etc-passwd.html" in names
    assert sum(name.startswith("outside/owners/") for name in names) == 3


def test_the_front_page_names_every_domain_and_a_damaged_report(
    tmp_path: Path, make_facts: Make
) -> None:
    write_pages(make_facts(domain="sales"), tmp_path)
    write_pages(make_facts(domain="stock"), tmp_path)
    (tmp_path / "stock" / "report.json").write_bytes(b'{"domain": "stock", "resul')
    written = write_pages(make_facts(domain="sales"), tmp_path)
    assert written.damaged == ("stock",)
    front = (tmp_path / "index.html").read_text("utf-8")
    assert 'href="sales/index.html"' in front
    assert 'href="stock/index.html"' not in front
    assert "The report of stock cannot be read" in front


def test_a_report_that_cannot_be_opened_is_damaged(tmp_path: Path, make_facts: Make) -> None:
    write_pages(make_facts(domain="stock"), tmp_path)
    (tmp_path / "stock" / "report.json").unlink()
    (tmp_path / "stock" / "report.json").mkdir()
    assert write_pages(make_facts(), tmp_path).damaged == ("stock",)


def test_a_report_in_the_folder_of_another_domain_is_damaged(
    tmp_path: Path, make_facts: Make
) -> None:
    write_pages(make_facts(domain="stock"), tmp_path)
    (tmp_path / "copied").mkdir()
    for name in ("report.json", "index.html"):
        (tmp_path / "copied" / name).write_bytes((tmp_path / "stock" / name).read_bytes())
    assert write_pages(make_facts(), tmp_path).damaged == ("copied",)


def test_a_domain_that_has_no_page_yet_is_not_linked(tmp_path: Path, make_facts: Make) -> None:
    (tmp_path / "stock").mkdir()
    (tmp_path / "stock" / "report.json").write_bytes(facts_to_json(make_facts(domain="stock")))
    assert write_pages(make_facts(), tmp_path).damaged == ()
    assert "stock" not in (tmp_path / "index.html").read_text("utf-8")


def test_a_run_killed_before_any_of_its_writes_leaves_no_link_into_nothing(
    tmp_path: Path, make_facts: Make, make_test: MakeTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = (GroupFacts("old", "Leo"),)
    before = make_facts(make_test(name="old"), make_test(name="kept"), groups=groups)
    after = make_facts(make_test(name="kept"), make_test(name="new"))
    total = write_pages(after, tmp_path / "counted").written
    write = module.PageFiles.write
    for allowed in range(total):
        folder = tmp_path / str(allowed)
        monkeypatch.setattr(module.PageFiles, "write", write)
        write_pages(before, folder)
        done = iter(range(allowed))

        def killed(self: module.PageFiles, path: str, content: str, done: object = done) -> Path:
            if next(done, None) is None:  # type: ignore[call-overload]
                raise KeyboardInterrupt
            return write(self, path, content)

        monkeypatch.setattr(module.PageFiles, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            write_pages(after, folder)
        assert links_into_nothing(folder) == []


def links_into_nothing(folder: Path) -> list[tuple[Path, str]]:
    """Links from the indexes, and from what they lead to, to files that are not there."""
    waiting, seen, lost = [folder / "index.html"], set(), []
    while waiting:
        page = waiting.pop().resolve()
        if page in seen:
            continue
        seen.add(page)
        for href in re.findall(r'<a href="([^"#]+)"', page.read_text("utf-8")):
            target = page.parent / href
            if target.is_file():
                waiting.append(target)
            else:
                lost.append((page, href))
    assert len(seen) > 3
    return lost


def test_a_full_disk_passes_up_and_the_old_pages_stay(
    tmp_path: Path, make_facts: Make, make_test: MakeTest
) -> None:
    facts = make_facts()
    write_pages(facts, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from lakehouse.quality.run_facts import facts_from_json\n"
        "from lakehouse.reports.pages.write_pages import write_pages\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "write_pages(facts_from_json(sys.stdin.buffer.read()), Path(sys.argv[1]))\n"
    )
    changed = facts_to_json(replace(facts, results=make_facts(make_test(failures=9)).results))
    ended = subprocess.run(
        [sys.executable, "-c", code, tmp_path], input=changed, capture_output=True, check=False
    )
    assert b"The page could not be written: File too large" in ended.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_two_domains_written_at_once_leave_a_whole_front_page(
    tmp_path: Path, make_facts: Make
) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from lakehouse.quality.run_facts import facts_from_json\n"
        "from lakehouse.reports.pages.write_pages import write_pages\n"
        "facts = facts_from_json(sys.stdin.buffer.read())\n"
        "for _ in range(20):\n"
        "    write_pages(facts, Path(sys.argv[1]))\n"
    )
    running = []
    for domain in ("sales", "stock", "stock"):
        process = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE)
        assert process.stdin
        process.stdin.write(facts_to_json(make_facts(domain=domain)))
        process.stdin.close()
        running.append(process)
    assert [process.wait() for process in running] == [0, 0, 0]
    front = (tmp_path / "index.html").read_text("utf-8")
    assert front.rstrip().endswith("</html>")
    assert not [name for name in pages_of(tmp_path) if name.endswith(".tmp")]
    assert links_into_nothing(tmp_path) == []


def test_300_tests_beside_nine_domains_are_each_rendered_once(
    tmp_path: Path, make_facts: Make, make_test: MakeTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = [
        make_test(name=f"unique_{at}", status="warn" if at < 15 else "pass") for at in range(300)
    ]
    at = make_facts().started_at
    points = tuple(RunPoint(at - timedelta(days=30 - day), "warn", day) for day in range(30))
    history = {test.unique_id: points for test in tests}
    write_pages(make_facts(*tests, domain="stock", history=history), tmp_path)
    for number in range(8):
        copy = tmp_path / f"stock-{number}"
        shutil.copytree(tmp_path / "stock", copy)
        (copy / "report.json").write_bytes(
            facts_to_json(make_facts(*tests, domain=copy.name, history=history))
        )
    facts = make_facts(*tests, history=history)
    views, rendered = (
        counted(monkeypatch, test_view, "_view"),
        counted(monkeypatch, render, "_render"),
    )
    written = write_pages(facts, tmp_path)
    assert (written.written, written.damaged) == (304, ())
    assert (len(views), len(rendered)) == (300, 303)


def counted(monkeypatch: pytest.MonkeyPatch, of: ModuleType, name: str) -> list[object]:
    """What a function of a module is called with, from now on."""
    calls: list[object] = []
    call = getattr(of, name)

    def told(*args: object, **named: object) -> object:
        calls.append(args)
        return call(*args, **named)

    monkeypatch.setattr(of, name, told)
    return calls


def test_the_front_page_leads_to_the_arrivals_once_they_are_there(
    tmp_path: Path, make_facts: Make
) -> None:
    written = write_pages(make_facts(), tmp_path)
    assert "arrivals.html" not in written.front.read_text("utf-8")
    write_arrivals([], tmp_path, "en", make_facts().started_at)
    assert 'href="arrivals.html"' in written.front.read_text("utf-8")
    write_pages(make_facts(), tmp_path)
    assert 'href="arrivals.html"' in written.front.read_text("utf-8")
