"""The macros of the project, on a copy with small domains of their own."""

import shutil

import pytest

SOURCES = """
sources:
  - name: shop
    schema: raw
    config: {meta: {connector: files, block: landing-shop, pattern: "x*.csv"}}
    tables:
      - name: orders
        config: {meta: {load: incremental, key: [shop_id, order_id], cursor: updated_at}}
        columns:
          - {name: shop_id, data_type: integer}
          - {name: order_id, data_type: integer}
          - {name: state}
          - {name: updated_at, data_type: date}
      - name: prices
        config: {meta: {load: snapshot}}
        columns: [{name: price, data_type: integer}]
"""
FAULTY_SOURCES = """
sources:
  - name: faulty
    schema: raw
    tables:
      - name: no_meta
      - name: unknown_load
        config: {meta: {load: sometimes}}
      - name: no_key
        config: {meta: {load: incremental}}
      - name: key_is_text
        config: {meta: {load: incremental, key: order_id}}
"""
MODEL = "select * from {{ current_rows('%s', '%s') }}\n"


def write_domain(project, name, sources, tables):
    folder = project.project_dir / "models" / name / "staging"
    folder.mkdir(parents=True)
    (folder / f"_{name}__sources.yml").write_text(sources)
    for table in tables:
        (folder / f"stg_{name}_{table}.sql").write_text(MODEL % (name, table))


@pytest.fixture(scope="module")
def module_copy(tmp_path_factory, project):
    folder = tmp_path_factory.mktemp("macros")
    shutil.copytree(project.project_dir, folder / "dbt")
    return type(project)(folder / "dbt", folder)


@pytest.fixture(scope="module")
def build(module_copy, delivery):
    write_domain(module_copy, "shop", SOURCES, ["orders", "prices"])
    faulty = ["no_meta", "unknown_load", "no_key", "key_is_text"]
    write_domain(module_copy, "faulty", FAULTY_SOURCES, faulty)
    orders = {"table": "orders", "source": "shop"}
    prices = {"table": "prices", "source": "shop"}
    day = "2024-01-01"
    module_copy.deliver(
        [
            delivery(
                file="o1", sequence=1, rows=[(1, 1, "old", day), (1, 2, "kept", day)], **orders
            ),
            delivery(
                file="o2",
                sequence=2,
                rows=[(1, 1, "new", day), (1, 1, "new again", day), (2, 1, "other shop", day)],
                **orders,
            ),
            delivery(file="o3", sequence=3, rows=[(1, 1, "unknown", day)], current=False, **orders),
            delivery(file="p1", sequence=1, rows=[(10,), (11,)], current=False, **prices),
            delivery(file="p2", sequence=2, rows=[(12,), (12,)], **prices),
        ],
        domain="shop",
    )
    return module_copy.dbt("run", "--select", "path:models/shop", "path:models/faulty")


def test_incremental_gives_all_rows_of_the_newest_batch_that_holds_a_key(build):
    rows = build.query(
        "select shop_id, order_id, state, _delivery_sequence "
        "from staging.stg_shop_orders order by all"
    )
    assert rows == [
        (1, 1, "new", 2),
        (1, 1, "new again", 2),
        (1, 2, "kept", 1),
        (2, 1, "other shop", 2),
    ]


def test_snapshot_gives_every_row_of_the_current_batch(build):
    assert build.query("select price from staging.stg_shop_prices") == [(12,), (12,)]


@pytest.mark.parametrize(
    ("table", "field", "said"),
    [
        ("no_meta", "config.meta.load", "is missing"),
        ("unknown_load", "config.meta.load", "is 'sometimes'"),
        ("no_key", "config.meta.key", "needs a list of columns"),
        ("key_is_text", "config.meta.key", "needs a list of columns"),
    ],
)
def test_meta_that_says_too_little_is_an_error_with_file_source_table_and_field(
    build, table, field, said
):
    result = build.results[f"stg_faulty_{table}"]
    assert result["status"] == "error"
    where = f"models/faulty/staging/_faulty__sources.yml: source faulty, table {table}"
    assert f"{where}, field {field}" in result["message"]
    assert said in result["message"]


def test_the_source_is_a_dependency_of_the_model_that_reads_it(build):
    node = build.manifest["nodes"]["model.aljibe.stg_shop_orders"]
    assert node["depends_on"]["nodes"] == ["source.aljibe.shop.orders"]


def test_a_schema_is_a_layer_without_the_name_of_the_target(build):
    nodes = build.manifest["nodes"]
    schemas = {node["name"]: node["schema"] for node in nodes.values()}
    assert schemas["stg_shop_orders"] == schemas["tipo_cambio"] == "staging"
    assert schemas["int_ventas_unidas"] == "intermediate"
    assert schemas["fct_ventas_latam"] == "consume"
    assert schemas["unique_fct_ventas_latam_invoice_id"] == "dq_audit"


def test_a_model_outside_the_layers_is_refused_with_its_file(copied_project):
    folder = copied_project.project_dir / "models" / "pharma_latam" / "golden"
    folder.mkdir()
    (folder / "best.sql").write_text("select 1 as one\n")
    copied_project.warehouse.touch()
    parsed = copied_project.dbt("parse")
    assert parsed.returncode != 0
    assert "models/pharma_latam/golden/best.sql: a model lies in" in parsed.output
