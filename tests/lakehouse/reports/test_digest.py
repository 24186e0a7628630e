from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.failing_rows import FailingRows
from lakehouse.quality.run_facts import (
    UNOWNED,
    BudgetBreach,
    GroupFacts,
    RunFacts,
    RunPoint,
    SourceFacts,
    TestState,
)
from lakehouse.quality.source_faults import SourceFault
from lakehouse.quality.told_owners import Notified, Told
from lakehouse.reports.digest import MOST_TOLD, owner_digests

NOW = datetime(2026, 11, 21, 6, 3, tzinfo=UTC)
CANARY = "canary-4111-1111"


def make_test(**overrides: Any) -> NodeResult:
    """A `unique` test that warns and whose message quotes a value."""
    fields: dict[str, Any] = {
        "unique_id": f"test.p.{overrides.get('name', 'unique_id')}",
        "name": "unique_id",
        "resource_type": "test",
        "status": "warn",
        "severity": "warn",
        "failures": 2,
        "model": "ventas",
        "column": "id",
        "test_kind": "unique",
        "message": f"Got 2 results: {CANARY}",
        **overrides,
    }
    return NodeResult(**fields)


def make_group(*nodes: str, **overrides: Any) -> GroupFacts:
    """The group ventas, in Spanish."""
    fields: dict[str, Any] = {
        "name": "ventas",
        "owner": "Ventas",
        "email": "ana@example.com",
        "language": "es",
        "nodes": nodes,
        **overrides,
    }
    return GroupFacts(**fields)


def make_facts(*tests: NodeResult, **overrides: Any) -> RunFacts:
    """A run in which every test that does not pass is new, and of the group ventas."""
    results = BuildResults(tests, "run-1", NOW, 2.5, "1.11.0")
    fields: dict[str, Any] = {
        "tests": {
            test.unique_id: TestState("FIXED" if test.status == "pass" else "NEW") for test in tests
        },
        "failing_rows": {
            test.unique_id: FailingRows(("id",), ({"id": CANARY},), total=test.failures or 0)
            for test in tests
            if test.status in ("warn", "fail")
        },
        "groups": (make_group(*(test.unique_id for test in tests)),),
        **overrides,
    }
    return RunFacts("pharma_latam", NOW, results, **fields)


def make_fault(error_id: int = 1, **overrides: Any) -> SourceFault:
    """No file of a table; the message names a folder."""
    fields: dict[str, Any] = {
        "error_id": error_id,
        "kind": "missing",
        "table": "files.sales",
        "file": "sales*.csv",
        "message": CANARY,
        "since": NOW,
        **overrides,
    }
    return SourceFault(**fields)


def with_faults(*faults: SourceFault, **overrides: Any) -> RunFacts:
    """A run in which these keep tables of the group ventas from being loaded."""
    sources = (SourceFacts("source.p.files.sales", "files.sales", "late", faults=faults),)
    group = make_group("source.p.files.sales", "test.p.unique_id")
    return make_facts(**{"sources": sources, "groups": (group,), **overrides})


def still(*points: tuple[str, int | None], **state: Any) -> dict[str, Any]:
    """State and history of the test that is open since the first of these daily runs."""
    first = NOW - timedelta(days=len(points) - 1)
    return {
        "tests": {"test.p.unique_id": TestState(**{"change": "STILL", "since": first, **state})},
        "history": {
            "test.p.unique_id": tuple(
                RunPoint(first + timedelta(days=day), status, rows)
                for day, (status, rows) in enumerate(points)
            )
        },
    }


def notified(status: str = "warn", rows: int | None = 2, **overrides: Any) -> dict[str, Notified]:
    """What was told of the test the day before."""
    said = Notified(status, rows, NOW - timedelta(days=1), **overrides)
    return {"test.p.unique_id": said}


def test_a_new_warning_is_told_in_the_language_of_its_owner_with_advice_and_links():
    (digest,) = owner_digests(make_facts(make_test()), "https://reports.example.com/")
    assert digest.subject == "Ventas · pharma_latam: 1 cosa que mirar"
    assert digest.body.splitlines()[0] == "Puede usar los datos de hoy, con una advertencia."
    assert "- Valores repetidos en id de ventas\n  advertencia · NUEVA · 2 filas" in digest.body
    assert "Qué hacer: Averigüe" in digest.body
    assert "  https://reports.example.com/pharma_latam/tests/unique-id.html\n" in digest.body
    assert "Su hoja: https://reports.example.com/pharma_latam/owners/ventas.html" in digest.body
    assert digest.tells == (Told("test.p.unique_id", "warn", 2),)
    assert (digest.email, digest.notify, digest.language) == ("ana@example.com", None, "es")


@pytest.mark.parametrize(
    ("language", "words"),
    [("pt-BR", "ponto a verificar"), ("en", "thing to look at"), ("fr", "thing to look at")],
)
def test_the_language_is_that_of_the_group_else_english(language: str, words: str):
    group = make_group("test.p.unique_id", language=language)
    (digest,) = owner_digests(make_facts(make_test(), groups=(group,)))
    assert words in digest.subject


def test_a_group_without_a_language_reads_that_of_the_run():
    group = make_group("test.p.unique_id", language=None, name=UNOWNED, owner=UNOWNED)
    (digest,) = owner_digests(make_facts(make_test(), groups=(group,), language="pt"))
    assert digest.language == "pt"
    assert UNOWNED not in digest.subject


def test_no_value_of_a_row_and_no_message_of_dbt_is_told():
    failing = make_test(name="b", status="error", failures=None)
    (digest,) = owner_digests(make_facts(make_test(), failing), "https://r.example.com")
    assert len(digest.tells) == 2
    assert CANARY not in str(digest)


def test_each_owner_hears_of_his_own_tests_only():
    facts = make_facts(
        make_test(name="a"),
        make_test(name="b"),
        groups=(
            make_group("test.p.a"),
            make_group("test.p.b", name="stock", notify="slack-webhook/stock"),
            make_group("test.p.c", name="quiet"),
        ),
    )
    told = {d.group: ([one.unique_id for one in d.tells], d.notify) for d in owner_digests(facts)}
    assert told == {
        "ventas": (["test.p.a"], None),
        "stock": (["test.p.b"], "slack-webhook/stock"),
    }


def test_a_failure_says_that_the_data_are_not_to_be_used():
    (digest,) = owner_digests(make_facts(make_test(status="fail", severity="error")))
    assert digest.body.startswith("No use los datos de hoy.")


def test_what_was_resolved_is_named_but_is_no_reason_to_write():
    fixed = make_test(name="fixed", status="pass", failures=0, description="Precio vacío.")
    assert owner_digests(make_facts(fixed)) == []
    (digest,) = owner_digests(make_facts(make_test(), fixed))
    assert "Resuelto: Precio vacío." in digest.body
    assert [one.unique_id for one in digest.tells] == ["test.p.unique_id"]


def test_ten_tests_are_shown_and_all_are_told():
    tests = [make_test(name=f"t{number:02}") for number in range(MOST_TOLD + 3)]
    (digest,) = owner_digests(make_facts(*tests))
    assert digest.body.count("\n- ") == MOST_TOLD
    assert "Y 3 más." in digest.body
    assert len(digest.tells) == MOST_TOLD + 3


class TestComparedWithTheRunBefore:
    @pytest.mark.parametrize(
        "history",
        [
            still(("warn", 2), ("warn", 2)),
            still(("warn", 5), ("warn", 2)),
            still(("warn", 2), ("skipped", None), ("warn", 2)),
            still(("warn", 2)),
        ],
        ids=["the same", "fewer rows", "skipped between", "older than the history"],
    )
    def test_what_is_still_open_and_no_worse_is_not_told_again(self, history: dict[str, Any]):
        assert owner_digests(make_facts(make_test(), **history)) == []

    def test_more_failing_rows_are_told_with_both_counts(self):
        facts = make_facts(make_test(failures=1200), **still(("warn", 2), ("warn", 1200)))
        (digest,) = owner_digests(facts)
        assert "MÁS: de 2 a 1.200" in digest.body

    @pytest.mark.parametrize("status", ["fail", "error"])
    def test_a_warning_that_became_a_failure_is_told(self, status: str):
        facts = make_facts(make_test(status=status), **still(("warn", 2), (status, 2)))
        (digest,) = owner_digests(facts)
        assert "EMPEORÓ: antes advertencia" in digest.body

    @pytest.mark.parametrize(
        ("breach", "points", "is_told"),
        [
            (BudgetBreach("days", 3, 2), [("warn", 2)] * 4, True),
            (BudgetBreach("days", 4, 2), [("warn", 2)] * 5, False),
            (BudgetBreach("rows", 3, 1), [("warn", 2), ("warn", 3)], False),
            (BudgetBreach("share", 0.2, 0.1), [("warn", 6), ("warn", 6)], False),
        ],
    )
    def test_a_budget_is_told_when_it_is_passed_and_not_again(
        self, breach: BudgetBreach, points: list[tuple[str, int]], is_told: bool
    ):
        facts = make_facts(make_test(), **still(*points, breach=breach))
        said = "".join(digest.body for digest in owner_digests(facts))
        assert ("pasó su límite" in said) == is_told

    def test_a_warning_beyond_its_budget_says_that_the_data_are_not_to_be_used(self):
        over = still(("warn", 2), ("warn", 3), breach=BudgetBreach("rows", 3, 2))
        (digest,) = owner_digests(make_facts(make_test(failures=3), **over))
        assert digest.body.startswith("No use los datos de hoy.")

    def test_a_build_that_was_skipped_tells_nothing(self):
        assert owner_digests(make_facts(make_test(), skipped_build_of=NOW)) == []


class TestComparedWithWhatWasTold:
    def test_what_a_killed_run_did_not_tell_is_told_by_the_next(self):
        facts = make_facts(make_test(), **still(("warn", 2), ("warn", 2)))
        (digest,) = owner_digests(facts, already={})
        assert "NUEVA" in digest.body

    def test_a_skipped_build_tells_what_was_not_told_and_nothing_twice(self):
        facts = make_facts(make_test(), skipped_build_of=NOW)
        assert len(owner_digests(facts, already={})) == 1
        assert owner_digests(facts, already=notified()) == []

    def test_a_run_that_is_repeated_after_it_told_says_nothing_again(self):
        assert owner_digests(make_facts(make_test()), already=notified()) == []

    @pytest.mark.parametrize(
        ("overrides", "already", "words"),
        [
            ({"failures": 5}, notified(), "MÁS: de 2 a 5"),
            ({"status": "fail"}, notified(), "EMPEORÓ: antes advertencia"),
            ({}, notified("pass", 0), "NUEVA"),
        ],
    )
    def test_what_got_worse_since_it_was_told_is_told(
        self, overrides: dict[str, Any], already: dict[str, Notified], words: str
    ):
        (digest,) = owner_digests(make_facts(make_test(**overrides)), already=already)
        assert words in digest.body

    def test_a_budget_is_told_once(self):
        over = still(("warn", 2), breach=BudgetBreach("days", 8, 7))
        facts = make_facts(make_test(), **over)
        (digest,) = owner_digests(facts, already=notified())
        assert digest.tells == (Told("test.p.unique_id", "warn", 2, over_budget=True),)
        assert owner_digests(facts, already=notified(over_budget=True)) == []


def test_without_pages_the_link_leads_into_the_ui():
    (digest,) = owner_digests(make_facts(make_test()), ui_url="https://prefect.example.com/")
    assert "https://prefect.example.com/artifacts/key/owner-pharma-latam-ventas" in digest.body


class TestFaultsOfSources:
    def test_a_file_that_did_not_come_is_told_with_what_to_do(self):
        (digest,) = owner_digests(with_faults(make_fault()), "https://r.example.com", {})
        assert digest.subject == "Ventas · pharma_latam: 1 cosa que mirar"
        assert digest.body.startswith("Puede usar los datos de hoy; hay un aviso.")
        assert (
            "- No llegó ningún archivo de files.sales; se espera sales*.csv\n"
            "  advertencia · NUEVA\n  Qué hacer: No llegó ningún archivo con el nombre esperado"
        ) in digest.body
        assert "Su hoja: https://r.example.com/pharma_latam/owners/ventas.html" in digest.body
        assert CANARY not in str(digest)
        assert digest.tells == (Told("error.1", "warn", None),)

    @pytest.mark.parametrize(
        ("fault", "title"),
        [
            ({"kind": "unread", "file": "", "table": "files"}, "No se pudo leer: files"),
            ({"kind": "unread", "file": "a.csv"}, "No se pudo leer: a.csv (files.sales)"),
            ({"kind": "quarantined", "file": "a.csv"}, "a.csv no se cargó: está en cuarentena"),
            ({"kind": "partly", "file": "a.csv"}, "Una parte de a.csv no se cargó"),
        ],
    )
    def test_each_kind_has_its_words(self, fault: dict[str, Any], title: str):
        (digest,) = owner_digests(with_faults(make_fault(**fault)), already={})
        assert f"- {title}" in digest.body

    def test_it_is_told_once_and_again_only_as_a_new_error(self):
        told = {"error.1": Notified("warn", None, NOW)}
        assert owner_digests(with_faults(make_fault()), already=told) == []
        (digest,) = owner_digests(with_faults(make_fault(2)), already=told)
        assert [one.unique_id for one in digest.tells] == ["error.2"]

    def test_a_build_that_was_skipped_tells_it_too(self):
        facts = with_faults(make_fault(), skipped_build_of=NOW)
        assert len(owner_digests(facts, already={})) == 1

    def test_a_run_that_built_nothing_tells_it_and_nothing_of_the_build_before(self):
        facts = with_faults(make_fault(kind="unread", file=""), stopped="no answer")
        old = make_test()
        facts = replace(facts, results=replace(facts.results, nodes=(old,)))
        (digest,) = owner_digests(facts, already={})
        assert digest.body.startswith("Hoy no hay datos nuevos")
        assert [one.unique_id for one in digest.tells] == ["error.1"]
        assert owner_digests(replace(facts, sources=()), already={}) == []

    def test_another_owner_hears_nothing_of_it(self):
        other = make_group("source.p.other.table", name="stock")
        assert owner_digests(with_faults(make_fault(), groups=(other,)), already={}) == []

    def test_no_more_than_ten_are_shown_with_those_of_the_tests_and_all_are_told(self):
        faults = [make_fault(number) for number in range(MOST_TOLD)]
        facts = with_faults(*faults)
        facts = replace(facts, results=replace(facts.results, nodes=(make_test(),)))
        (digest,) = owner_digests(facts, already={})
        assert digest.body.count("\n- ") == MOST_TOLD
        assert "Y 1 más." in digest.body
        assert len(digest.tells) == MOST_TOLD + 1
