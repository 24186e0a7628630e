"""A dbt project of a domain `shop` whose last model can be held for as long as a test wants."""

import os
from contextlib import suppress
from pathlib import Path

PROJECT = """
name: shop
profile: shop
version: '1.0'
models:
  shop:
    shop:
      marts:
        +schema: marts
        +materialized: table
        +meta: {publish: true}
"""
PROFILES = """
shop:
  target: dev
  outputs: {dev: {type: duckdb, path: "{{ env_var('ALJIBE_WAREHOUSE') }}"}}
"""
SOURCES = """
sources:
  - name: shop_files
    schema: raw
    config: {meta: {connector: files, block: shop-place, load: append}}
    tables:
      - name: payments
        config: {meta: {pattern: "payments*.csv"}}
        columns: [{name: id, data_type: integer}, {name: amount, data_type: integer}]
"""
SCHEMA_NAME = """
{% macro generate_schema_name(custom_schema_name, node) %}
{{ return(custom_schema_name or target.schema) }}
{% endmacro %}
"""
PAYMENTS = "select id, amount, _source_file from {{ source('shop_files', 'payments') }}"
GATED = """
select (select count(*) from {{ ref('payments_all') }}) as payments,
       (select sum(length(content)) from read_text('GATE')) as passed
"""


class Gate:
    """A file that a model reads: as a named pipe it holds the model, as a plain file it does not.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_closed(self) -> bool:
        """Whether it holds what comes."""
        return self.path.is_fifo()

    def close(self) -> None:
        """Hold every run that comes to the last model."""
        self.path.unlink(missing_ok=True)
        os.mkfifo(self.path)

    def open(self) -> None:
        """Let runs through, also one that is being held."""
        held = self.path.is_fifo()
        waiting = self.path.with_suffix(".old")
        if held:
            self.path.rename(waiting)
        self.path.write_text("open\n")
        if held:
            # Refused if nobody waits.
            with suppress(OSError):
                os.close(os.open(waiting, os.O_WRONLY | os.O_NONBLOCK))
            waiting.unlink()


def write_gated_project(folder: Path, gate: Path) -> Gate:
    """Write the project into `folder`; its gate is open."""
    models = folder / "models" / "shop" / "marts"
    models.mkdir(parents=True)
    macros = folder / "macros"
    macros.mkdir()
    (folder / "dbt_project.yml").write_text(PROJECT)
    (folder / "profiles.yml").write_text(PROFILES)
    (macros / "generate_schema_name.sql").write_text(SCHEMA_NAME)
    (models.parent / "_shop__sources.yml").write_text(SOURCES)
    (models / "payments_all.sql").write_text(PAYMENTS)
    (models / "payments_gated.sql").write_text(GATED.replace("GATE", str(gate)))
    made = Gate(gate)
    made.open()
    return made
