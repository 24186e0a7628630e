"""Reading what a page or a file of the dashboard shows."""

import csv
import io
from pathlib import Path

import duckdb
from lxml import html
from starlette.testclient import TestClient


def text_of(content: str, path: str) -> list[str]:
    return [one.text_content().strip() for one in html.fromstring(content).xpath(path)]


def figure(content: str, anchor: str) -> html.HtmlElement:
    return html.fromstring(content).get_element_by_id(anchor)


def big(content: str, anchor: str) -> str:
    """The number of a figure."""
    (shown,) = figure(content, anchor).xpath(".//p[@class='big']")
    return str(shown.text_content())


def one_row(path: Path, query: str) -> tuple:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchone() or ()


def csv_rows(reader: TestClient, path: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(reader.get(path).content.decode("utf-8-sig"))))
