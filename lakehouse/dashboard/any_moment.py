"""Dates and timestamps that PostgreSQL has and Python has not, read as their text."""

from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader


class _AnyDate(DateLoader):
    """A date, or its text where Python has none: infinity, before year 1, after 9999."""

    def load(self, data: Buffer) -> date:
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()  # type: ignore[return-value]


class _AnyTimestamp(TimestampLoader):
    """A timestamp, or its text; see `_AnyDate`."""

    def load(self, data: Buffer) -> datetime:
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()  # type: ignore[return-value]


class _AnyTimestamptz(TimestamptzLoader):
    """A timestamp with time zone, or its text; see `_AnyDate`."""

    def load(self, data: Buffer) -> datetime:
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()  # type: ignore[return-value]


def read_any_moment(connection: psycopg.Connection[Any], _record: object) -> None:
    """Make a session of the driver give texts for what Python cannot hold, instead of failing."""
    for kind, loader in (
        ("date", _AnyDate),
        ("timestamp", _AnyTimestamp),
        ("timestamptz", _AnyTimestamptz),
    ):
        connection.adapters.register_loader(kind, loader)
