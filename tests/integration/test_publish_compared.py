"""What arrives changed in PostgreSQL is found, whatever its type, and not shown."""

import pytest
from servers.published_domain import PublishedDomain

from lakehouse.errors import PublishUnverified
from lakehouse.publish.postgres import publication as publication_module

pytestmark = pytest.mark.integration
# Type, a value as DuckDB writes it, and another one as PostgreSQL does.
SPOILT = {
    "a_text": ("varchar", "'abc'", "'abd'"),
    "a_long_text": ("varchar", f"'{'a' * 300}b'", f"'{'a' * 300}c'"),
    "an_enum": ("enum('on', 'of')", "'on'", "'of'"),
    "a_uuid": (
        "uuid",
        "'00000000-0000-0000-0000-00000000000a'",
        "'00000000-0000-0000-0000-00000000000b'",
    ),
    "a_time": ("time", "'12:00:00'", "'12:00:00.000001'"),
    "a_time_with_zone": ("timetz", "'12:00:00+05:30'", "'12:00:00+05:00'"),
    "an_interval": ("interval", "'1 month'", "'30 days'"),
    "a_blob": ("blob", r"'\x00\x01'::blob", r"'\x0002'"),
    "bits": ("bit", "'0101'::bit", "B'0110'"),
    "a_hugeint": ("hugeint", "1", "1000004"),
    "a_decimal": ("decimal(38,10)", "0.0000000001", "0.0000000002"),
    "a_moment": ("timestamptz", "'2024-01-01 00:00:00+00'", "'2024-01-01 00:00:00.000001+00'"),
    "json": ("json", """'{"a": [1.50, "ñ"]}'""", """'{"a": [1.50, "n"]}'"""),
    "a_list": ("integer[]", "[1, null]", "'[1, 2]'"),
}


@pytest.fixture
def shop(postgres_database, tmp_path) -> PublishedDomain:
    return PublishedDomain(postgres_database, tmp_path)


def test_a_value_that_arrives_changed_is_found_in_every_type(shop, monkeypatch):
    columns = ", ".join(f"({value})::{kind} as {name}" for name, (kind, value, _) in SPOILT.items())
    shop.build(f"create table marts.one as select i, {columns} from range(3) as t(i)")
    real, spoilt = publication_module.load_beside, list(SPOILT)

    def load(session, source, table):
        real(session, source, table)
        name = publication_module.shadow_relation(session, table).as_string(session)
        value = SPOILT[spoilt[-1]][2]
        session.execute(f"update {name} set {spoilt[-1]} = {value} where i = 2".encode())

    monkeypatch.setattr(publication_module, "load_beside", load)
    while spoilt:
        with pytest.raises(PublishUnverified, match=f"column {spoilt[-1]}: other values"):
            shop.publish("one")
        spoilt.pop()


def test_what_arrives_changed_is_not_shown(shop, monkeypatch):
    shop.build("create table marts.sales as select 1 as version, range as id from range(500)")
    shop.publish("sales")
    shop.build("update marts.sales set version = 2")
    real = publication_module.load_beside

    def spoilt(session, source, table):
        real(session, source, table)
        name = publication_module.shadow_relation(session, table).as_string(session)
        session.execute(f"delete from {name} where ctid = '(0,3)'".encode())

    monkeypatch.setattr(publication_module, "load_beside", spoilt)
    with pytest.raises(PublishUnverified):
        shop.publish("sales")
    assert shop.run("select max(version) from shop_marts.sales") == [(1,)]
