"""The files of the demo's marketplace: as the published ones, and wrong as often as it is told."""

from dataclasses import asdict, fields

import duckdb
import pytest

from demo.olist.defects import OlistDefects
from demo.olist.deliveries import write_history, write_olist
from demo.olist.files import TABLES, table_path
from demo.olist.market import Marketplace

MARKET = Marketplace(seed=3, orders=300)
HEADERS = {
    "olist_customers_dataset.csv": (
        b'"customer_id","customer_unique_id","customer_zip_code_prefix","customer_city",'
        b'"customer_state"\n'
    ),
    "olist_geolocation_dataset.csv": (
        b'"geolocation_zip_code_prefix","geolocation_lat","geolocation_lng","geolocation_city",'
        b'"geolocation_state"\n'
    ),
    "olist_order_items_dataset.csv": (
        b'"order_id","order_item_id","product_id","seller_id","shipping_limit_date","price",'
        b'"freight_value"\n'
    ),
    "olist_order_payments_dataset.csv": (
        b'"order_id","payment_sequential","payment_type","payment_installments","payment_value"\n'
    ),
    "olist_order_reviews_dataset.csv": (
        b'"review_id","order_id","review_score","review_comment_title","review_comment_message",'
        b'"review_creation_date","review_answer_timestamp"\n'
    ),
    "olist_orders_dataset.csv": (
        b'"order_id","customer_id","order_status","order_purchase_timestamp","order_approved_at",'
        b'"order_delivered_carrier_date","order_delivered_customer_date",'
        b'"order_estimated_delivery_date"\n'
    ),
    "olist_products_dataset.csv": (
        b'"product_id","product_category_name","product_name_lenght","product_description_lenght",'
        b'"product_photos_qty","product_weight_g","product_length_cm","product_height_cm",'
        b'"product_width_cm"\n'
    ),
    "olist_sellers_dataset.csv": (
        b'"seller_id","seller_zip_code_prefix","seller_city","seller_state"\n'
    ),
    "product_category_name_translation.csv": (
        b"\xef\xbb\xbfproduct_category_name,product_category_name_english\r\n"
    ),
}
COUNTED = {
    "orders_without_items": "from orders anti join order_items using (order_id)",
    "orders_without_payment": "from orders anti join order_payments using (order_id)",
    "orders_without_review": "from orders anti join order_reviews using (order_id)",
    "delivered_without_approval": "from delivered where order_approved_at is null",
    "delivered_without_carrier_date": "from delivered where order_delivered_carrier_date is null",
    "delivered_without_delivery_date": "from delivered where order_delivered_customer_date is null",
    "canceled_with_delivery_date": (
        "from orders where order_status = 'canceled' and order_delivered_customer_date is not null"
    ),
    "carrier_before_approval": "from orders where order_delivered_carrier_date < order_approved_at",
    "delivered_before_carrier": (
        "from orders where order_delivered_customer_date < order_delivered_carrier_date"
    ),
    "reviews_before_purchase": (
        "from order_reviews join orders using (order_id) "
        "where review_creation_date < order_purchase_timestamp"
    ),
    "amounts_differ": (
        "from (select order_id, sum(price + freight_value) as cost from order_items group by all) "
        "join (select order_id, sum(payment_value) as paid from order_payments group by all) "
        "using (order_id) where abs(cost - paid) > 0.01"
    ),
    "customers_off_the_map": (
        "from customers anti join geolocation "
        "on customer_zip_code_prefix = geolocation_zip_code_prefix"
    ),
    "sellers_off_the_map": (
        "from sellers anti join geolocation on seller_zip_code_prefix = geolocation_zip_code_prefix"
    ),
    "products_without_category": "from products where product_category_name is null",
    "products_without_translation": (
        "from products anti join category_translation using (product_category_name) "
        "where product_category_name is not null"
    ),
    "products_of_weight_zero": "from products where product_weight_g = 0",
    "payments_of_value_zero": "from order_payments where payment_value = 0",
    "payments_without_instalments": "from order_payments where payment_installments = 0",
    "repeated_review_ids": (
        "from (select review_id from order_reviews group by review_id having count(*) > 1)"
    ),
    "repeated_review_rows": (
        "from (from order_reviews qualify row_number() over (partition by review_id) > 1)"
    ),
    "orders_with_several_reviews": (
        "from (select order_id from order_reviews group by order_id having count(*) > 1)"
    ),
    "comments_over_several_lines": (
        "from order_reviews "
        "where contains(concat(review_comment_title, review_comment_message), chr(10))"
    ),
    "repeated_points": (
        "from (from geolocation qualify row_number() over ("
        "partition by geolocation_zip_code_prefix, geolocation_lat, geolocation_lng, "
        "geolocation_city, geolocation_state) > 1)"
    ),
    "points_abroad": (
        "from geolocation where geolocation_lat not between -33.76 and 5.28 "
        "or geolocation_lng not between -73.99 and -34.79"
    ),
    "zips_of_several_spellings": (
        "from (select geolocation_zip_code_prefix from geolocation "
        "group by all having count(distinct geolocation_city) > 1)"
    ),
}
KEYS = {
    "customers": "customer_id",
    "order_items": "order_id, order_item_id",
    "orders": "order_id",
    "order_payments": "order_id, payment_sequential",
    "products": "product_id",
    "order_reviews": "review_id, order_id",
    "sellers": "seller_id",
    "category_translation": "product_category_name",
}
REFERENCES = (
    ("orders", "customers", "customer_id"),
    ("customers", "orders", "customer_id"),
    ("order_items", "orders", "order_id"),
    ("order_items", "products", "product_id"),
    ("order_items", "sellers", "seller_id"),
    ("order_payments", "orders", "order_id"),
    ("order_reviews", "orders", "order_id"),
)


def opened(folder, tables=tuple(TABLES), stamp=""):
    """A connection with a view of each table, zip prefixes and ids as text."""
    connection = duckdb.connect()
    for table in tables:
        path = table_path(folder, table, stamp)
        connection.execute(
            f"create view {table} as from read_csv('{path}', header=true, quote='\"', "
            "escape='\"', types={columns})".format(columns=column_types(table))
        )
    if "orders" in tables:
        connection.execute("create view delivered as from orders where order_status = 'delivered'")
    return connection


def column_types(table):
    def kind(column):
        if column.endswith(("_date", "_timestamp", "_at")):
            return "timestamp"
        if column.endswith(("price", "_value")):
            return "decimal(12, 2)"
        if column.endswith(("_lat", "_lng")):
            return "double"
        numbers = ("item_id", "sequential", "installments", "score", "lenght", "qty", "_g", "_cm")
        return "integer" if column.endswith(numbers) else "varchar"

    return {column: kind(column) for column in TABLES[table][1].split(",")}


def one(connection, sql):
    return connection.sql(sql).fetchone()[0]


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("olist")


@pytest.fixture(scope="module")
def history(folder):
    return write_history(folder, MARKET)


@pytest.fixture(scope="module")
def files(folder, history):
    with opened(folder) as connection:
        yield connection


def test_the_files_have_the_names_the_headers_and_the_line_ends_of_the_published_ones(
    folder, history
):
    written = contents(folder)
    assert sorted(path.name for path in history.paths) == sorted(written) == sorted(HEADERS)
    for name, header in HEADERS.items():
        assert written[name].startswith(header), name
        assert (b"\r\n" in written[name]) == (name == "product_category_name_translation.csv")
        assert written[name].startswith(b"\xef\xbb\xbf") == (b"\r\n" in written[name])


def test_ids_are_quoted_where_they_begin_with_a_digit_and_prefixes_keep_their_zeros(
    folder, history
):
    lines = (folder / "olist_customers_dataset.csv").read_text("utf-8").splitlines()[1:]
    for line in lines:
        customer_id, person_id, prefix, *_ = line.split(",")
        for written in (customer_id, person_id):
            assert (written[0] == '"') == written.strip('"')[0].isdigit()
            assert len(written.strip('"')) == 32
        assert prefix[0] == prefix[-1] == '"'
        assert len(prefix) == 7
    assert any(',"01' in line for line in lines)
    reviews = (folder / "olist_order_reviews_dataset.csv").read_text("utf-8")
    assert '""original""' in reviews or '""compra certa""' in reviews


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(folder, history, tmp_path):
    write_olist(tmp_path / "again", seed=3, orders=300)
    write_olist(tmp_path / "other", seed=4, orders=300)
    first, other = contents(folder), contents(tmp_path / "other")
    assert contents(tmp_path / "again") == first
    same = [name for name in first if other[name] == first[name]]
    assert same == ["product_category_name_translation.csv"]


def test_writing_the_same_again_touches_no_file(folder, history):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    write_history(folder, MARKET)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize("defect", [field.name for field in fields(OlistDefects)])
def test_a_defect_is_in_the_files_as_often_as_it_is_told(files, history, defect):
    told = getattr(history.defects, defect)
    assert told == one(files, f"select count(*) {COUNTED[defect]}")
    assert told >= 1


def test_the_smallest_marketplace_has_every_defect_and_a_smaller_one_is_refused(tmp_path):
    defects = write_history(tmp_path, Marketplace(orders=100)).defects
    assert [name for name, count in asdict(defects).items() if not count] == []
    with pytest.raises(ValueError, match="99 orders has no room"):
        Marketplace(orders=99)


def test_the_totals_are_those_of_the_files(files, history):
    totals = history.totals
    counted = {table: one(files, f"select count(*) from {table}") for table in TABLES}
    assert totals.rows == counted
    assert totals.items == one(files, "select sum(price) from order_items")
    assert totals.freight == one(files, "select sum(freight_value) from order_items")
    assert totals.gmv == one(files, "select sum(price + freight_value) from order_items")
    assert totals.payments == one(files, "select sum(payment_value) from order_payments")
    people = "select customer_unique_id from customers group by all"
    assert totals.people == one(files, f"select count(*) from ({people})")
    repeat_buyers = one(files, f"select count(*) from ({people} having count(*) > 1)")
    assert totals.repeat_buyers == repeat_buyers > 4


def test_every_key_is_unique_and_no_reference_is_an_orphan(files):
    for table, key in KEYS.items():
        twice = f"select {key} from {table} group by all having count(*) > 1"
        assert files.sql(twice).fetchall() == [], table
    for table, other, key in REFERENCES:
        orphans = f"select count(*) from {table} anti join {other} using ({key})"
        assert one(files, orphans) == 0, f"{table}.{key}"


def test_where_nothing_is_odd_the_moments_of_an_order_follow_one_another(files):
    statuses = "select distinct order_status from orders order by all"
    assert [status for (status,) in files.sql(statuses).fetchall()] == [
        "approved",
        "canceled",
        "created",
        "delivered",
        "invoiced",
        "processing",
        "shipped",
        "unavailable",
    ]
    wrong = (
        "from orders where order_approved_at < order_purchase_timestamp "
        "or order_delivered_customer_date < order_approved_at "
        "or order_estimated_delivery_date < order_purchase_timestamp"
    )
    assert one(files, f"select count(*) {wrong}") == 0
    first, last = files.sql(
        "select min(order_purchase_timestamp), max(order_purchase_timestamp) from orders"
    ).fetchone()
    assert f"{first:%Y-%m-%d}" >= "2016-09-04"
    assert f"{last:%Y-%m-%d}" <= "2018-09-03"


def test_a_review_that_orders_share_is_the_same_in_each_and_of_one_person(files):
    shared = files.sql(
        "select count(distinct customer_unique_id), count(distinct review_score), "
        "count(distinct review_creation_date), "
        "max(order_purchase_timestamp) - min(order_purchase_timestamp) < interval 1 hour "
        "from order_reviews join orders using (order_id) join customers using (customer_id) "
        "group by review_id having count(*) > 1"
    ).fetchall()
    assert set(shared) == {(1, 1, 1, True)}


def test_someone_buys_often_enough_to_be_loyal_and_for_more_than_a_thousand_reais(files):
    most = files.sql(
        "select count(distinct order_id) as orders, sum(price + freight_value) as spent "
        "from delivered join customers using (customer_id) join order_items using (order_id) "
        "group by customer_unique_id order by orders desc limit 1"
    ).fetchone()
    assert most[0] > 5
    assert most[1] > 1000


def test_scale_multiplies_the_orders_and_what_belongs_to_them(folder, history, tmp_path):
    write_olist(tmp_path, scale=2, seed=3, orders=300)
    with opened(tmp_path) as twice:
        for table in ("orders", "customers"):
            assert one(twice, f"select count(*) from {table}") == 2 * history.totals.rows[table]
        for table in ("order_items", "products", "geolocation"):
            rows = one(twice, f"select count(*) from {table}")
            assert 1.8 < rows / history.totals.rows[table] < 2.2, table
