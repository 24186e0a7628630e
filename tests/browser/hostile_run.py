"""A run in which everything happened at once, with names and values that try to break out."""

from datetime import UTC, datetime, timedelta

from lakehouse.quality.build_results import BuildResults, NodeResult
from lakehouse.quality.failing_rows import FailingRows
from lakehouse.quality.masking import MASK
from lakehouse.quality.run_facts import (
    BudgetBreach,
    GroupFacts,
    Incident,
    Lineage,
    LineageNode,
    ModelFacts,
    PublishFacts,
    RunFacts,
    RunLink,
    RunPoint,
    SourceFacts,
    TestState,
    WarnBudget,
)

NOW = datetime(2026, 11, 21, 6, 3, tzinfo=UTC)
SCRIPT = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"
LONG = "Donaudampfschifffahrtsgesellschaftskapitaen" * 4
RIGHT_TO_LEFT = "فاتورة مكررة في المبيعات"
DUPLICATE = "unique_stg_ventas_bra_invoice_id"
FILES = ("ventas_bra_2026-11-20.csv", "ventas_bra_2026-11-21.csv")
LINES = (48, 2)


def make_run(language: str, domain: str = "pharma_latam") -> RunFacts:
    """A run with every status, a recovered test and one over its budget; its owner's language."""
    tests = _tests(language)
    source = NodeResult(
        unique_id="source.p.crm.clientes",
        name="freshness of crm.clientes",
        resource_type="source",
        status="fail",
        model="crm.clientes",
        language=language,
    )
    model = NodeResult("model.p.stg_ventas_bra", "stg_ventas_bra", "model", "pass", seconds=1.25)
    nodes = (model, source, *tests)
    return RunFacts(
        domain=domain,
        started_at=NOW,
        results=BuildResults(nodes, "run-1", NOW, 12.5, "1.11.0"),
        run=RunLink(f"agile-{SCRIPT}", "4f2a", "https://prefect.example.com/runs/4f2a"),
        failing_rows={"test.duplicate": _duplicate_rows(), "test.wide": _wide_rows()},
        tests=_states(),
        history={node.unique_id: _history(node) for node in nodes},
        models=(
            ModelFacts(
                model.unique_id, model.name, "model", "staging", "pass", 1.25, 8913, 8900, 1_234_567
            ),
            ModelFacts(
                "model.p.fct", LONG, "model", "marts", "pass", 1, 21392, 21000, 99, published=True
            ),
        ),
        sources=(
            SourceFacts(
                source.unique_id,
                "crm.clientes",
                "late",
                "fail",
                NOW - timedelta(days=3),
                72.0,
                24.0,
                48.0,
                rows=1204,
                files=(f"{SCRIPT}.csv", LONG),
                group="ventas",
            ),
        ),
        groups=(
            GroupFacts(
                "ventas", SCRIPT, "", "ana@example.com", language, _ids(nodes), notify="mail"
            ),
            GroupFacts(f"../{RIGHT_TO_LEFT}/..", RIGHT_TO_LEFT, language=language),
        ),
        lineage=_lineage(),
        findings=(f"clientes_{SCRIPT}.csv: {LONG}",),
        publish=PublishFacts("refused", {"marts.fct": 21392}, {"marts.fct": 21000}, SCRIPT),
        language=language,
    )


def _tests(language: str) -> list[NodeResult]:
    def test(key: str, status: str, **fields: object) -> NodeResult:
        name = str(fields.pop("name", key))
        told = {
            "model": "stg_ventas_bra",
            "column": "invoice_id",
            "test_kind": "not_null",
            "severity": "error" if status in ("fail", "error") else "warn",
            "owner": SCRIPT,
            "language": language,
            "path": f"models/{LONG}.yml",
            "compiled_code": f"select *\nfrom stg -- {SCRIPT}\nwhere {LONG} is null",
            **fields,
        }
        return NodeResult(f"test.{key}", name, "test", status, **told)  # type: ignore[arg-type]

    stored = {"relation_name": '"w"."dq_audit"."t"', "failures": 2}
    duplicate = {"name": DUPLICATE, "test_kind": "unique", "failure_unit": "value", **stored}
    return [
        test("duplicate", "warn", **duplicate),
        test("wide", "fail", name=SCRIPT, description=f"{SCRIPT} {LONG}", **stored),
        test("skipped", "skipped", name=RIGHT_TO_LEFT, blocked_by=(SCRIPT,)),
        test("broken", "error", name=LONG, message=f"Binder Error: {SCRIPT}\nLINE 1: {LONG}"),
        test("recovered", "pass", name="recovered", failures=0),
        test("passing", "pass", name="passing", failures=0, description=RIGHT_TO_LEFT),
        test("over_budget", "warn", name="over_budget", fix={language: SCRIPT}, **stored),
    ]


def _states() -> dict[str, TestState]:
    opened = NOW - timedelta(days=4)
    past = Incident(opened, NOW - timedelta(days=1), NOW, "warn", 4)
    return {
        "test.duplicate": TestState("NEW", NOW, (Incident(NOW, NOW, None, "warn", 2), past)),
        "test.wide": TestState("STILL", opened, (Incident(opened, NOW, None, "fail", 9),)),
        "test.recovered": TestState("FIXED", None, (past,), 4),
        "test.broken": TestState("NEW", NOW),
        "test.skipped": TestState("NOT CHECKED", opened),
        "test.over_budget": TestState(
            "STILL", opened, budget=WarnBudget(rows=1), breach=BudgetBreach("rows", 2, 1)
        ),
    }


def _duplicate_rows() -> FailingRows:
    rows = [
        {
            "_source_file": file,
            "_source_line": line,
            "invoice_id": "BRA-001",
            "amount": 45.9,
            "client": MASK,
        }
        for file, line in zip(FILES, LINES, strict=True)
    ]
    return FailingRows(tuple(rows[0]), tuple(rows), 2, 2, traced=True, marked=("invoice_id",))


def _wide_rows() -> FailingRows:
    values = (
        SCRIPT,
        LONG,
        RIGHT_TO_LEFT,
        None,
        "",
        "fac\u202etura\x00",
        12345678901234567890,
        True,
    )
    columns = [f"{SCRIPT}_{at}" if at % 3 else f"columna_{at}" for at in range(24)]
    rows = [
        {name: values[(at + row) % len(values)] for at, name in enumerate(columns)}
        for row in range(8)
    ]
    return FailingRows(tuple(columns), tuple(rows), 1234, 8, note=f"Not traced: {SCRIPT}")


def _history(node: NodeResult) -> tuple[RunPoint, ...]:
    earlier = [
        RunPoint(
            NOW - timedelta(days=30 - at),
            "warn" if at % 7 == 3 else "pass",
            failing_rows=at if at % 7 == 3 else 0,
            rows=8000 + at,
        )
        for at in range(1, 29)
    ]
    unknown = RunPoint(NOW - timedelta(days=1), "error")
    return (*earlier, unknown, RunPoint(NOW, node.status, node.failures, 8913))


def _lineage() -> Lineage:
    return Lineage(
        (
            LineageNode("source.p.crm.clientes", f"raw.{SCRIPT}", "source", "fail", "ventas"),
            LineageNode("t", "raw.productos", "source", None),
            LineageNode("model.p.stg_ventas_bra", LONG, "model", "warn", "ventas"),
            LineageNode("n", RIGHT_TO_LEFT, "model", "skipped"),
            LineageNode("p", "marts.fct", "published", "pass"),
        ),
        (
            ("source.p.crm.clientes", "model.p.stg_ventas_bra"),
            ("t", "model.p.stg_ventas_bra"),
            ("t", "n"),
            ("model.p.stg_ventas_bra", "p"),
            ("n", "p"),
        ),
    )


def _ids(nodes: tuple[NodeResult, ...]) -> tuple[str, ...]:
    return tuple(node.unique_id for node in nodes)
