"""What people made on and around published tables is there after the next publication."""

import psycopg
import pytest
from servers.published_domain import PublishedDomain

from lakehouse.errors import PublishRefused, ServingRefused, ServingUnavailable
from lakehouse.publish.postgres import publication
from lakehouse.publish.serving_copy import PublishedTable

pytestmark = pytest.mark.integration
RIGHTS = (
    "(select array_agg(one::text order by one::text) "
    "from unnest(coalesce(relacl, acldefault('r', relowner))) as one)"
)


@pytest.fixture
def shop(postgres_database, tmp_path) -> PublishedDomain:
    found = PublishedDomain(postgres_database, tmp_path)
    found.build(
        "create table marts.sales as select range as id, 'c' || range % 3 as customer, "
        "range * 1.5 as amount from range(10)",
        "create table marts.customers as select 'c' || range as customer from range(3)",
    )
    found.publish("sales", "customers")
    return found


def sell_more(shop: PublishedDomain) -> None:
    shop.build("insert into marts.sales values (10, 'c1', 7.5)")
    shop.publish("sales", "customers")


def state(shop: PublishedDomain, query: str) -> list:
    return shop.run("set search_path = ''", query)


def test_indexes_keys_grants_and_comments_are_kept(shop):
    role = f"reader_{shop.url.database}"
    shop.role(role)
    shop.run(
        "create index by_customer on shop_marts.sales (lower(customer), id desc) where id > 2",
        "alter table shop_marts.sales add constraint one_id primary key (id)",
        "alter table shop_marts.sales add constraint plausible check (amount >= 0)",
        "create statistics shop_marts.both_columns on id, amount from shop_marts.sales",
        "comment on index shop_marts.by_customer is 'for the search'",
        "comment on column shop_marts.sales.amount is 'made by hand'",
        f'grant usage on schema shop_marts to "{role}"',
        f'grant select on shop_marts.sales to "{role}" with grant option',
        f'grant update (amount) on shop_marts.sales to "{role}"',
        "grant select on shop_marts.sales to public",
    )
    look = (
        f"select {RIGHTS} from pg_class where oid = 'shop_marts.sales'::regclass",
        "select attname, attacl::text from pg_attribute "
        "where attrelid = 'shop_marts.sales'::regclass and attnum > 0 order by attnum",
        "select indexdef from pg_indexes where schemaname = 'shop_marts' order by 1",
        "select conname, pg_get_constraintdef(oid) from pg_constraint "
        "where conrelid = 'shop_marts.sales'::regclass order by 1",
        "select attname, attnotnull, col_description(attrelid, attnum) from pg_attribute "
        "where attrelid = 'shop_marts.sales'::regclass and attnum > 0 order by attnum",
        "select obj_description('shop_marts.by_customer'::regclass)",
        "select pg_get_statisticsobjdef(oid) from pg_statistic_ext",
    )
    before = [state(shop, query) for query in look]
    oid = shop.run("select 'shop_marts.sales'::regclass::oid")
    sell_more(shop)
    assert [state(shop, query) for query in look] == before
    assert shop.run("select 'shop_marts.sales'::regclass::oid") != oid
    assert shop.run("select count(*) from shop_marts.sales") == [(11,)]
    reader = shop.url.set(username=role, password=f"secret-of-{role}")
    assert shop.run("select sum(amount) from shop_marts.sales", url=reader) == [(75,)]
    assert shop.run("select nspname from pg_namespace where nspname like 'aljibe_next%'") == []


def test_row_level_security_is_kept(shop):
    role = f"ana_{shop.url.database}"
    reader = shop.role(role)
    shop.run(
        f'grant usage on schema shop_marts to "{role}"',
        f'grant select on shop_marts.sales to "{role}"',
        "alter table shop_marts.sales enable row level security",
        f'create policy own_rows on shop_marts.sales for select to "{role}" '
        "using (customer = 'c1')",
    )
    sell_more(shop)
    assert shop.run("select distinct customer from shop_marts.sales", url=reader) == [("c1",)]


def test_descriptions_of_the_project_are_comments_and_follow_it_without_new_rows(shop):
    told = PublishedTable("marts", "sales", "What's sold", {"ID": "The 100% key", "gone": "x"})
    shop.publish(told, "customers")
    look = (
        "select obj_description('shop_marts.sales'::regclass), "
        "col_description('shop_marts.sales'::regclass, 1)"
    )
    assert shop.run(look) == [("What's sold", "The 100% key")]
    oid = shop.run("select 'shop_marts.sales'::regclass::oid")
    published = shop.publish(PublishedTable("marts", "sales", "Sold", {}), "customers")
    assert published.changed == []
    assert shop.run(look) == [("Sold", "The 100% key")]
    assert shop.run("select 'shop_marts.sales'::regclass::oid") == oid


def test_views_on_views_and_materialized_views_show_the_new_rows(shop):
    role = f"bi_{shop.url.database}"
    shop.role(role)
    shop.run(
        "create schema bi",
        'create view bi."big; sales" with (security_barrier = true) as '
        "select id, amount as \"the {} %s amount\", '100%' as share from shop_marts.sales "
        "where amount > 3",
        'create view bi.counted as select count(*) as n from bi."big; sales" '
        "join shop_marts.customers on true",
        "create materialized view bi.stored as select s.customer, sum(amount) as total "
        "from shop_marts.sales s join bi.counted on true group by 1",
        "create unique index stored_key on bi.stored (customer)",
        "create materialized view bi.unfilled as select * from shop_marts.sales with no data",
        "comment on view bi.counted is 'it''s counted'",
        "comment on column bi.counted.n is 'rows'",
        "comment on materialized view bi.stored is 'kept'",
        f'grant select on bi.counted to "{role}"',
        f'grant usage on schema bi to "{role}"',
        f'alter view bi.counted owner to "{role}"',
        f'grant select on bi."big; sales", shop_marts.customers to "{role}"',
        f'grant usage, create on schema bi to "{role}"',
        f'grant usage on schema shop_marts to "{role}"',
        f'alter view bi.counted owner to "{role}"',
    )
    look = (
        f"select relname, relkind, {RIGHTS}, relowner, reloptions, "
        "pg_get_viewdef(oid), obj_description(oid), relispopulated "
        "from pg_class where relnamespace = 'bi'::regnamespace and relkind in ('v', 'm') "
        "order by 1",
        "select indexdef from pg_indexes where schemaname = 'bi'",
        "select col_description('bi.counted'::regclass, 1)",
    )
    before = [state(shop, query) for query in look]
    sell_more(shop)
    assert [state(shop, query) for query in look] == before
    assert shop.run("select n from bi.counted") == [(8 * 3,)]
    assert shop.run("select total from bi.stored where customer = 'c1'") == [
        (1.5 + 6 + 10.5 + 7.5,)
    ]


def test_foreign_keys_are_made_again(shop):
    shop.run(
        "alter table shop_marts.customers add primary key (customer)",
        "alter table shop_marts.sales add constraint known foreign key (customer) "
        "references shop_marts.customers (customer)",
        "create table public.notes (customer text references shop_marts.customers (customer))",
        "insert into public.notes values ('c1')",
    )
    look = (
        "select conname, conrelid::regclass::text, pg_get_constraintdef(oid), convalidated "
        "from pg_constraint where contype = 'f' order by 1"
    )
    before = state(shop, look)
    shop.build("insert into marts.customers values ('c3')")
    sell_more(shop)
    assert state(shop, look) == before
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        shop.run("insert into public.notes values ('c9')")


def test_rows_that_break_a_key_made_by_hand_are_refused_and_nothing_moves(shop):
    shop.run("create unique index one_id on shop_marts.sales (id)")
    shop.build("insert into marts.sales values (1, 'secret', 0)")
    with pytest.raises(ServingRefused, match="do not fit one_id that the published table") as told:
        shop.publish("sales", "customers")
    assert "secret" not in str(told.value)
    assert shop.run("select count(*) from shop_marts.sales") == [(10,)]


def test_a_view_that_needs_a_column_that_is_gone_stops_the_publication(shop):
    shop.run("create schema bi", "create view bi.amounts as select amount from shop_marts.sales")
    shop.build("alter table marts.sales drop column amount")
    with pytest.raises(ServingRefused, match=r"view bi\.amounts cannot be made again.*amount"):
        shop.publish("sales", "customers")
    assert shop.run("select sum(amount) from bi.amounts") == [(67.5,)]


def test_a_table_that_is_not_published_any_more_goes_unless_a_view_needs_it(shop):
    shop.run("create schema bi", "create view bi.who as select customer from shop_marts.customers")
    (warning,) = shop.publish("sales").warnings
    assert warning.startswith("shop_marts.customers is not published any more, but stays")
    assert "view bi.who needs it" in warning
    assert shop.run("select count(*) from bi.who") == [(3,)]
    shop.run("drop view bi.who")
    assert shop.publish("sales").warnings == []
    assert shop.run("select to_regclass('shop_marts.customers')") == [(None,)]
    assert shop.run("select count(*) from aljibe.published_tables") == [(1,)]


def test_views_of_another_user_stay_bound_and_see_the_new_rows(shop):
    publisher, owner = f"pub_{shop.url.database}", f"ana_{shop.url.database}"
    as_publisher, as_owner = shop.role(publisher), shop.role(owner)
    shop.run(
        f'grant create on database "{shop.url.database}" to "{publisher}", "{owner}"',
        "drop schema shop_marts, aljibe cascade",
    )
    shop.publish("sales", "customers", as_user=as_publisher)
    shop.run(
        f'grant usage on schema shop_marts to "{owner}"',
        f'grant select on shop_marts.sales to "{owner}"',
        url=as_publisher,
    )
    shop.run(
        "create schema mine",
        "create view mine.sold as select id, customer from shop_marts.sales",
        url=as_owner,
    )
    oid = shop.run("select 'mine.sold'::regclass::oid, 'shop_marts.sales'::regclass::oid")
    shop.build("insert into marts.sales values (10, 'c1', 7.5)")
    published = shop.publish("sales", "customers", as_user=as_publisher)
    assert "shop_marts.sales was filled while its readers waited" in published.warnings[0]
    assert shop.run("select count(*) from mine.sold", url=as_owner) == [(11,)]
    assert shop.run("select 'mine.sold'::regclass::oid, 'shop_marts.sales'::regclass::oid") == oid
    shop.build("alter table marts.sales add column more integer")
    with pytest.raises(PublishRefused, match=r"has other columns than before, and view mine\.sold"):
        shop.publish("sales", "customers", as_user=as_publisher)
    assert shop.run("select count(*) from mine.sold", url=as_owner) == [(11,)]


def test_default_privileges_do_not_give_back_what_was_revoked(shop):
    role = f"all_{shop.url.database}"
    reader = shop.role(role)
    shop.run(
        "create schema bi",
        "create view bi.sold as select * from shop_marts.sales",
        f'alter default privileges grant select on tables to "{role}"',
        f'grant usage on schema shop_marts, bi to "{role}"',
    )
    sell_more(shop)
    for name in ("shop_marts.sales", "bi.sold"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shop.run(f"select * from {name}", url=reader)


def test_default_privileges_of_the_schema_are_given_to_a_new_table(shop):
    role = f"new_{shop.url.database}"
    reader = shop.role(role)
    shop.run(
        f'alter default privileges in schema shop_marts grant select on tables to "{role}"',
        f'grant usage on schema shop_marts to "{role}"',
    )
    shop.build("create table marts.later as select 1 as n")
    shop.publish("sales", "customers", "later")
    assert shop.run("select n from shop_marts.later", url=reader) == [(1,)]


def test_triggers_identity_options_and_parts_of_logical_replication_are_kept(shop):
    shop.run(
        "create function shop_marts.noted() returns trigger language plpgsql as "
        "'begin return new; end'",
        "create trigger asleep before insert on shop_marts.sales for each row "
        "execute function shop_marts.noted()",
        "comment on trigger asleep on shop_marts.sales is 'it''s off'",
        "alter table shop_marts.sales disable trigger asleep",
        "alter table shop_marts.sales add constraint one_id primary key (id)",
        "alter table shop_marts.sales replica identity full",
        "alter table shop_marts.customers add constraint one unique (customer)",
        "alter table shop_marts.customers alter customer set not null",
        "alter table shop_marts.customers replica identity using index one",
        "alter table shop_marts.sales set (fillfactor = 70, autovacuum_enabled = false)",
        "alter table shop_marts.sales alter customer set statistics 500",
        "create publication part for table shop_marts.sales (id, customer) where (amount > 3)",
    )
    look = (
        "select tgname, tgenabled, obj_description(oid, 'pg_trigger') from pg_trigger "
        "where not tgisinternal",
        "select relname, relreplident, reloptions from pg_class "
        "where relnamespace = 'shop_marts'::regnamespace and relkind = 'r' order by 1",
        "select indexrelid::regclass::text from pg_index where indisreplident",
        "select attstattarget from pg_attribute "
        "where attrelid = 'shop_marts.sales'::regclass and attname = 'customer'",
        "select pubname, tablename, attnames, rowfilter from pg_publication_tables",
    )
    before = [state(shop, query) for query in look]
    shop.build("insert into marts.customers values ('c3')")
    sell_more(shop)
    assert [state(shop, query) for query in look] == before


def test_a_temporary_view_of_a_session_stays_bound(shop):
    with shop.connect() as session:
        session.execute("create temporary view mine as select count(*) as n from shop_marts.sales")
        sell_more(shop)
        assert session.execute("select n from mine").fetchall() == [(11,)]


def test_an_index_that_is_made_while_rows_are_loading_is_not_lost(shop, monkeypatch):
    real = publication.change_when_free

    def late(*arguments, **named):
        shop.run("create index made_meanwhile on shop_marts.sales (amount)")
        real(*arguments, **named)

    shop.build("insert into marts.sales values (10, 'c1', 7.5)")
    monkeypatch.setattr(publication, "change_when_free", late)
    with pytest.raises(ServingUnavailable, match="given other keys or indexes while"):
        shop.publish("sales", "customers")
    monkeypatch.undo()
    shop.publish("sales", "customers")
    assert shop.run("select to_regclass('shop_marts.made_meanwhile') is not null") == [(True,)]


def test_a_name_with_a_dot_keeps_its_index(shop):
    shop.build('create table marts."a.b" as select 1 as n')
    shop.publish("a.b")
    shop.run(
        'create index "i.j" on shop_marts."a.b" (n)',
        """comment on index shop_marts."i.j" is 'kept'""",
    )
    shop.build('insert into marts."a.b" values (2)')
    shop.publish("a.b")
    assert shop.run("""select obj_description('shop_marts."i.j"'::regclass)""") == [("kept",)]
