from datetime import date

import pytest

from lakehouse.errors import BackfillRangeInvalid, BackfillUnread
from lakehouse.settings import PROJECT_ROOT
from lakehouse.transform.backfill_range import backfill_variables, reads_range

DAYS = (date(2018, 1, 1), date(2018, 1, 31))
READS = "{{ var('backfill_from', none) }}"


@pytest.fixture
def write(project):
    """Write a file of the project."""

    def put(name, text):
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return put


def test_a_range_is_given_to_dbt_as_days(project, write):
    write("models/shop/facts/f.sql", f"select {READS}")
    assert backfill_variables(project, "shop", *DAYS) == {
        "backfill_from": "2018-01-01",
        "backfill_to": "2018-01-31",
    }
    day = date(2018, 1, 1)
    assert set(backfill_variables(project, "shop", day, day).values()) == {"2018-01-01"}


def test_a_range_that_ends_before_it_begins_is_refused(project):
    with pytest.raises(BackfillRangeInvalid, match="from 2018-01-31 to 2018-01-01 is empty"):
        backfill_variables(project, "shop", *reversed(DAYS))


def test_a_domain_of_which_nothing_reads_the_range_is_refused_with_what_to_do(project):
    with pytest.raises(BackfillUnread, match=r"shop cannot be built by days.*backfill_from.*elt"):
        backfill_variables(project, "shop", *DAYS)


@pytest.mark.parametrize(
    "model",
    [
        "{{ outer() }}",
        "{% if is_incremental() %}{{ p.outer() }}{% endif %}",
        "{{ config(pre_hook='{{ outer() }}') }} select 1",
    ],
)
def test_macros_are_followed_also_where_only_an_increment_calls_them(project, write, model):
    write("macros/a.sql", "{%- macro outer(days=1) -%} {{ inner() }} {%- endmacro %}")
    write("macros/b.sql", '{% macro inner() %} {{ var("backfill_from") }} {% endmacro %}')
    assert not reads_range(project, "shop")
    write("models/shop/f.sql", model)
    assert reads_range(project, "shop")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("snapshots/shop/s.sql", f"select {READS}"),
        ("models/shop/_m.yml", f'models: [{{name: f, config: {{pre_hook: "{READS}"}}}}]'),
        ("dbt_project.yml", f'name: p\nmodels: {{p: {{shop: {{+pre-hook: "{READS}"}}}}}}\n'),
    ],
    ids=["snapshot", "hook of a model", "hook of a folder"],
)
def test_snapshots_and_hooks_may_read_it(project, write, name, text):
    write(name, text)
    assert reads_range(project, "shop")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("models/mill/f.sql", f"select {READS}"),
        ("models/shop/f.sql", f"{{# {READS} #}} select 1"),
        ("models/shop/f.sql", "{{ var('backfill_from_file') }}"),
        ("models/shop/_m.yml", "description: Reads backfill_from."),
        ("macros/unused.sql", f"{{% macro unused() %}}{READS}{{% endmacro %}}"),
        ("dbt_project.yml", f'name: p\nmodels: {{p: {{mill: {{+pre-hook: "{READS}"}}}}}}\n'),
    ],
)
def test_other_domains_comments_and_macros_that_nobody_calls_do_not_count(
    project, write, name, text
):
    write(name, text)
    assert not reads_range(project, "shop")


def test_macros_that_call_one_another_end(project, write):
    write("macros/a.sql", "{% macro a() %}{{ b() }}{% endmacro %}")
    write("macros/b.sql", "{% macro b() %}{{ a() }}{% endmacro %}")
    write("models/shop/f.sql", "{{ a() }}")
    assert not reads_range(project, "shop")


@pytest.mark.parametrize(
    ("domain", "can"), [("olist", True), ("pharma_latam", False), ("techstore", False)]
)
def test_of_this_project_only_olist_can_be_built_by_days(domain, can):
    assert reads_range(PROJECT_ROOT / "dbt", domain) == can
