"""Rows of the text protocol, cut anywhere by the network, become the cells that were sent."""

import io
import struct
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymysql.err import Error, OperationalError

from lakehouse.connectors.database.dialect import ServerColumn
from lakehouse.connectors.database.mysql.rows import read_rows
from lakehouse.connectors.database.mysql.types import server_column
from lakehouse.connectors.database.mysql.values import values_of
from lakehouse.errors import DatabaseRefused

Cell = bytes | None
END = b"\xfe\x00\x00\x02\x00"


class Chunks(io.RawIOBase):
    """A socket that gives as many bytes a time as it is told, and then closes."""

    def __init__(self, content: bytes, sizes: Sequence[int]) -> None:
        self.content, self.sizes, self.read_bytes, self.turn = content, sizes, 0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, free: memoryview) -> int:  # type: ignore[override]
        size = self.sizes[self.turn % len(self.sizes)]
        self.turn += 1
        piece = self.content[self.read_bytes : self.read_bytes + min(size, len(free))]
        free[: len(piece)] = piece
        self.read_bytes += len(piece)
        return len(piece)


def cell_bytes(cell: Cell) -> bytes:
    if cell is None:
        return b"\xfb"
    size = len(cell)
    if size < 251:
        return bytes([size]) + cell
    if size < 2**16:
        return b"\xfc" + struct.pack("<H", size) + cell
    if size < 2**24:
        return b"\xfd" + struct.pack("<I", size)[:3] + cell
    return b"\xfe" + struct.pack("<Q", size) + cell


def packet(content: bytes) -> bytes:
    written, longest = b"", 0xFFFFFF
    while True:
        piece, content = content[:longest], content[longest:]
        written += struct.pack("<I", len(piece))[:3] + b"\x01" + piece
        if len(piece) < longest:
            return written


def column(name: str = "c", kind: str = "longblob") -> ServerColumn:
    return server_column(name, kind, nullable=True, where="t")


def read(
    rows: Sequence[Sequence[Cell]],
    columns: Sequence[ServerColumn],
    *,
    sizes: Sequence[int] = (65_536,),
    buffer_bytes: int = 4_096,
    end: bytes = END,
) -> list[tuple[object, ...]]:
    sent = b"".join(packet(b"".join(map(cell_bytes, row))) for row in rows)
    stream = io.BufferedReader(Chunks(sent + (packet(end) if end else b""), sizes))
    batches = read_rows(stream, columns, buffer_bytes)
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


CELLS = st.one_of(
    st.none(),
    st.binary(max_size=12),
    st.sampled_from([b"", b"NULL", b"\xfb", b"\xfe", b"\xff", b"\x00"]),
    st.sampled_from([249, 250, 251, 252, 255, 256, 65_535, 65_536]).map(
        lambda size: b"\xfe" * size
    ),
)


@given(
    width=st.integers(1, 4),
    data=st.data(),
    sizes=st.lists(st.integers(1, 9_000), min_size=1, max_size=5),
    buffer_bytes=st.integers(4, 3_000),
)
@settings(max_examples=150, deadline=None)
def test_any_rows_in_any_pieces_are_read_as_they_were_sent(width, data, sizes, buffer_bytes):
    rows = data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=12))
    columns = [column(f"c{place}") for place in range(width)]
    found = read(rows, columns, sizes=sizes, buffer_bytes=buffer_bytes)
    assert found == [tuple(row) for row in rows]


@pytest.mark.parametrize("size", [0xFFFFFF - 5, 0xFFFFFF - 4, 0xFFFFFF, 2 * 0xFFFFFF])
def test_rows_around_the_longest_packet_are_whole(size):
    rows = [[b"before"], [b"x" * size], [b"after"]]
    assert read(rows, [column()], sizes=[1_000_000]) == [tuple(row) for row in rows]


def test_a_connection_that_ends_before_the_rows_do_is_an_error():
    for rows in ([], [[b"a"]], [[b"x" * 5_000]]):
        with pytest.raises(OperationalError, match="closed the connection"):
            read(rows, [column()], end=b"")


def test_an_error_after_some_rows_is_raised_as_the_server_sends_it():
    killed = b"\xff" + struct.pack("<H", 1317) + b"#70100Query execution was interrupted"
    with pytest.raises(Error, match="interrupted"):
        read([[b"a"]] * 2_000, [column()], end=killed)


@settings(max_examples=100, deadline=None)
@given(st.integers(-(839 * 3_600_000_000) + 1, 839 * 3_600_000_000 - 1), st.integers(0, 6))
def test_times_are_microseconds_of_any_sign_and_precision(micros, digits):
    micros -= micros % 10 ** (6 - digits)
    whole, fraction = divmod(abs(micros), 1_000_000)
    text = f"{'-' if micros < 0 else ''}{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
    if digits:
        text += f".{fraction:06}"[: digits + 1]
    cells = pa.array([text.encode(), None], pa.binary())
    assert values_of(column(kind=f"time({digits})"), cells).to_pylist() == [micros, None]


@pytest.mark.parametrize(
    ("kind", "text"), [("int", b"secret"), ("time", b"secret"), ("decimal(3,1)", b"12345.6")]
)
def test_what_is_no_value_of_its_type_is_refused_without_being_shown(kind, text):
    with pytest.raises(DatabaseRefused, match="Column c: the server sent what is no") as caught:
        values_of(column(kind=kind), pa.array([text], pa.binary()))
    assert text.decode() not in str(caught.value)
    assert caught.value.__cause__ is None
