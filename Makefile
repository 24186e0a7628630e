# Every target works as the first command on a fresh clone: it makes .venv when that is missing.
.DEFAULT_GOAL := help
.PHONY: help demo test test-long soak lint format dbt ui worker watch lock bench-dbt bench-reports \
        bench-olist bench-wells bench-csv bench-mysql bench-sftp bench-formats bench-publish bench-lake \
        bench-fanout screenshots \
        venv venv-dev test-servers clean clean-all

BIN := .venv/bin
DOMAIN ?=
ARGS ?=
# Two processes: runs wait for disks, servers and each other more than they compute.
TOGETHER := -n 2

help:  ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' Makefile

demo: venv  ## Run the demo on generated data, without any other service
	$(BIN)/python -m demo $(ARGS)

test: venv-dev test-servers  ## Run every test but the long ones
	$(BIN)/pytest $(TOGETHER) --dist loadfile --no-loadscope-reorder -m "not long and not soak" $(ARGS)

test-long: venv-dev test-servers  ## Run the fault loops of a few rounds
	$(BIN)/pytest $(TOGETHER) --dist loadfile -m "long and not soak" $(ARGS)

soak: venv-dev test-servers  ## Run full rounds and large data; the bench targets belong to it
	$(BIN)/pytest -m soak $(ARGS)

lint: venv-dev  ## Check format, rules, types and SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict -p lakehouse
	$(BIN)/sqlfluff lint dbt

format: venv-dev  ## Write the format that lint asks for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

dbt: venv  ## dbt by hand: make dbt DOMAIN=pharma_latam ARGS="run --select stg_ventas_arg+"
	@test -n "$(DOMAIN)" || { echo 'Say which domain: make dbt DOMAIN=pharma_latam ARGS="build"' >&2; exit 2; }
	$(BIN)/aljibe dbt $(DOMAIN) -- $(ARGS)

ui: venv  ## Start the Prefect server and its UI on this machine
	$(BIN)/aljibe ui $(ARGS)

worker: venv  ## Start a worker that pulls runs from the configured Prefect API
	$(BIN)/aljibe worker $(ARGS)

watch: venv  ## Watch the folders of all domains and wake runs when files have arrived
	$(BIN)/aljibe watch $(ARGS)

lock: venv-dev  ## Resolve pyproject.toml into the lock files; ARGS=--upgrade for newer versions
	scripts/lock $(ARGS)

bench-dbt: venv-dev  ## Measure the flow around dbt against bare dbt and Dagster
	$(BIN)/python -m benchmarks.dbt_overhead $(ARGS)

bench-reports: venv-dev  ## Measure artifacts, pages and events of 300 tests beside their dbt build
	$(BIN)/python -m benchmarks.report_cost $(ARGS)

bench-olist: venv-dev  ## Measure olist from files to marts against bare DuckDB and dbt
	$(BIN)/python -m benchmarks.olist_flow $(ARGS)

bench-wells: venv-dev  ## Measure wells from files to gold against plain DuckDB with the same SQL
	$(BIN)/python -m benchmarks.wells_flow $(ARGS)

bench-csv: venv-dev  ## Measure the load of a 2 GB CSV against plain DuckDB; needs 4 GB of disk
	$(BIN)/python -m benchmarks.csv_ingest $(ARGS)

bench-mysql: venv-dev test-servers  ## Measure 2M rows of MariaDB against connectorx, dlt, pandas, DuckDB
	$(BIN)/python -m benchmarks.mysql_ingest $(ARGS)

bench-sftp: venv-dev test-servers  ## Measure downloads against OpenSSH's sftp and paramiko
	$(BIN)/python -m benchmarks.sftp_download $(ARGS)

bench-formats: venv-dev  ## Measure XLSX, XML and JSON against fastexcel, lxml, DuckDB and pandas
	$(BIN)/python -m benchmarks.xlsx_ingest $(ARGS)
	$(BIN)/python -m benchmarks.xml_ingest $(ARGS)
	$(BIN)/python -m benchmarks.json_ingest $(ARGS)

bench-publish: venv-dev test-servers  ## Measure publishing 2M rows to PostgreSQL against psql \copy
	$(BIN)/python -m benchmarks.publish_postgres $(ARGS)

bench-fanout: venv-dev test-servers  ## Measure 1, 2 and 4 workers on the same tables and models
	$(BIN)/python -m benchmarks.fanout $(ARGS)

bench-lake: venv-dev test-servers  ## Measure the target lake against a DuckDB file
	$(BIN)/python -m benchmarks.lake_cost $(ARGS)

screenshots: venv-dev test-servers  ## Make the pictures of the documentation again
	$(BIN)/python docs/make_screenshots.py

venv:
	@scripts/make_venv runtime

venv-dev:
	@scripts/make_venv dev

test-servers:
	@scripts/install_test_servers

clean:  ## Remove the data folder and every cache; asks nothing
	rm -rf data .pytest_cache .mypy_cache .ruff_cache .hypothesis dbt/target dbt/logs logs
	find . -path ./.venv -prune -o -path ./.git -prune -o -type d -name __pycache__ -print0 | xargs -0 rm -rf

clean-all: clean  ## Remove .venv too
	rm -rf .venv
