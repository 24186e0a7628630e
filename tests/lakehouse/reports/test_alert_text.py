"""What operators are told of a domain that is stopped."""

from dataclasses import replace

from lakehouse.quality.run_facts import RunLink
from lakehouse.reports.alert_text import build_alert
from lakehouse.reports.checks import check_label


def test_every_test_that_stops_the_domain_is_named(make_facts, make_test):
    test = make_test(status="fail", severity="error")
    facts = make_facts(test)
    broken = replace(facts, run=RunLink(url="http://127.0.0.1:4200/runs/1"))
    alert = build_alert(facts.domain, "lakehouse.test.failed", "a", broken)
    assert alert.subject == f"{facts.domain}: a test fails"
    assert f"- {check_label(test)}: fail" in alert.body
    assert "http://127.0.0.1:4200/runs/1" in alert.body


def test_without_a_report_the_event_speaks_for_itself():
    alert = build_alert("shop", "lakehouse.publish.blocked", "", None)
    assert alert.subject == "shop: nothing was published"
    assert "lakehouse.publish.blocked" in alert.body
    assert "unique_sales_id" in build_alert("shop", "x", "unique_sales_id", None).body
