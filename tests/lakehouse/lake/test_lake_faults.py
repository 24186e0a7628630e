"""What a DuckLake says, and whether another try may help."""

import duckdb
import pytest

from lakehouse.errors import (
    PermanentError,
    TransientError,
    WarehouseConflict,
    WarehouseMissing,
    WarehouseRefused,
    WarehouseUnusable,
)
from lakehouse.lake.lake_faults import lake_faults, may_pass

_ATTACH = (
    'IO Error: Failed to attach DuckLake MetaData "__ducklake_metadata_x" at path + "host=h"'
    'Unable to connect to Postgres at "host=h": connection to server at "h", port 5432 failed: '
)
SAID = [
    (
        "TransactionContext Error: Failed to commit: Failed to commit DuckLake transaction.\n"
        'Transaction conflict - attempting to delete from table with index "31" - but another '
        "transaction has deleted from it",
        WarehouseConflict,
    ),
    (f'{_ATTACH}FATAL:  password authentication failed for user "aljibe"\n', WarehouseRefused),
    (f'{_ATTACH}FATAL:  database "nix" does not exist\n', WarehouseRefused),
    (f"{_ATTACH}Connection refused\n\tIs the server running on that host?", WarehouseUnusable),
    (f"{_ATTACH}FATAL:  sorry, too many clients already\n", WarehouseUnusable),
    (f"{_ATTACH}FATAL:  the database system is starting up\n", WarehouseUnusable),
    ("IO Error: server closed the connection unexpectedly", WarehouseUnusable),
    (
        'Invalid Input Error: Existing DuckLake at metadata catalog "host=h" does not exist - and '
        "creating a new DuckLake is explicitly disabled",
        WarehouseMissing,
    ),
    (
        'DATA_PATH parameter "/a/" does not match existing data path in the catalog "/b/".',
        WarehouseRefused,
    ),
    (
        "HTTP Error: HTTP GET error reading 's3://b/a.parquet' in region 'r' (HTTP 404 Not Found)",
        WarehouseRefused,
    ),
    (
        "HTTP Error: HTTP PUT error on 's3://b/a.parquet' (HTTP 503 Slow Down)",
        WarehouseUnusable,
    ),
    ("Invalid Input Error: No snapshot found at version 999", WarehouseRefused),
]


@pytest.mark.parametrize(("said", "kind"), SAID)
def test_each_fault_has_its_class_and_names_the_lake(said, kind):
    with pytest.raises(kind, match=r"^lake shop") as caught, lake_faults("lake shop"):
        raise duckdb.Error(said)
    assert may_pass(said) == issubclass(kind, TransientError)
    assert isinstance(caught.value, TransientError | PermanentError)
    assert "Unable to connect" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        "Catalog Error: Table with name nix does not exist!",
        "Binder Error: Referenced column a not found",
        "Conversion Error: Could not convert string 'connection' to INT32",
    ],
)
def test_faults_of_sql_and_data_stay_what_they_are(said):
    with pytest.raises(duckdb.Error, match=r"Error: "), lake_faults("lake shop"):
        raise duckdb.Error(said)
    assert not may_pass(said)
