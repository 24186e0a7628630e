"""Rows of MySQL's text protocol as Arrow batches, column by column instead of cell by cell.

A row is a packet: three bytes of length and one of number, then for each cell a text behind its
length, or 0xFB for NULL
(https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_dt_strings.html). Python
only finds where packets begin; numpy walks the lengths of one column for all rows of the buffer at
once, and Arrow turns the texts into values.
"""

import struct
from collections.abc import Iterator, Sequence
from io import DEFAULT_BUFFER_SIZE, BufferedReader, RawIOBase
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pymysql.err import OperationalError, raise_mysql_exception

from lakehouse.connectors.database.dialect import ServerColumn
from lakehouse.connectors.database.mysql.values import values_of

BUFFER_BYTES = 2 << 20
# A packet of this length continues in the next one.
_LONGEST_PACKET = 0xFFFFFF
_HEADER_BYTES = 4
_SERVER_LOST = 2013
_NULL = 0xFB
# First byte of a length that does not fit in it, and the bytes that follow with the length.
_LENGTHS = ((0xFC, 2), (0xFD, 3), (0xFE, 8))

_Places = npt.NDArray[np.int64]
_header = struct.Struct("<I").unpack_from


class _Received:
    """Bytes of the socket that are not read yet, of which the whole packets are known.

    Attributes:
        buffer: of which the first `filled` bytes are received.
        starts: where the contents of whole packets begin.
        end: of the last whole packet.
    """

    def __init__(self, size: int, begun: bytes) -> None:
        self.buffer = bytearray(max(size, len(begun) + 1))
        self.buffer[: len(begun)] = begun
        self.filled = len(begun)
        self.end = 0
        self.starts: list[int] = []
        self.find_packets()

    def receive(self, socket: RawIOBase) -> None:
        """Wait for some bytes and find the packets in them."""
        self.filled += _some(socket, memoryview(self.buffer)[self.filled :])
        self.find_packets()

    def take_end(self) -> bool:
        """Tell whether the last packet ends the result, and forget that packet."""
        if not self.starts:
            return False
        start = self.starts[-1]
        mark, size = self.buffer[start], self.end - start
        if mark == 0xFF:
            raise_mysql_exception(bytes(self.buffer[start : self.end]))
        if mark != 0xFE or size >= 9:
            return False
        self.starts.pop()
        return True

    def drop_packets(self, socket: RawIOBase) -> bytes | None:
        """Make room: only the packet that is not whole yet stays.

        Returns:
            The content of that packet, if it is longer than any one packet can be.
        """
        rest = self.buffer[self.end : self.filled]
        size = _header(rest)[0] & _LONGEST_PACKET if len(rest) >= _HEADER_BYTES else 0
        is_long = size == _LONGEST_PACKET
        content = _joined_packets(bytes(rest), socket) if is_long else None
        if is_long:
            rest = bytearray()
        elif size + _HEADER_BYTES > len(self.buffer):
            self.buffer = bytearray(size + _HEADER_BYTES)
        self.buffer[: len(rest)] = rest
        self.filled, self.end, self.starts = len(rest), 0, []
        return content

    def find_packets(self) -> None:
        """Find the packets that became whole."""
        # The one loop over rows in Python: local names and few operations count here.
        buffer, filled, header, longest = self.buffer, self.filled, _header, _LONGEST_PACKET
        append, start = self.starts.append, self.end + _HEADER_BYTES
        while start <= filled:
            end = start + (header(buffer, start - _HEADER_BYTES)[0] & longest)
            if end > filled:
                break
            append(start)
            start = end + _HEADER_BYTES
        self.end = start - _HEADER_BYTES


def read_rows(
    stream: BufferedReader, columns: Sequence[ServerColumn], buffer_bytes: int = BUFFER_BYTES
) -> Iterator[pa.RecordBatch]:
    """Read the rows of a result up to its end.

    Args:
        stream: the socket, at the packet of the first row.
        columns: of the result.
        buffer_bytes: received at once, at least 4; a longer row makes it grow, up to 16 MiB.

    Raises:
        MySQLError: the server ended the result with an error, or closed the connection.
        OSError: the socket failed or timed out.
        DatabaseRefused: see `values_of`.
    """
    # The reader's own buffer is emptied first: it would wait for more even if it holds the end.
    socket = cast(RawIOBase, stream.raw)
    received = _Received(buffer_bytes, stream.read1(DEFAULT_BUFFER_SIZE))
    while True:
        ended = received.take_end()
        if not ended and received.filled < len(received.buffer):
            received.receive(socket)
            continue
        if received.starts:
            yield _record_batch(received.buffer, received.starts, columns)
        if ended:
            return
        if (content := received.drop_packets(socket)) is not None:
            yield _record_batch(content, [0], columns)


def _joined_packets(begun: bytes, socket: RawIOBase) -> bytes:
    """Content of a row that is spread over packets, of which the first has begun."""
    content = bytearray(begun[_HEADER_BYTES:])
    content += _exactly(socket, _LONGEST_PACKET - len(content))
    size = _LONGEST_PACKET
    while size == _LONGEST_PACKET:
        size = _header(_exactly(socket, _HEADER_BYTES))[0] & _LONGEST_PACKET
        content += _exactly(socket, size)
    return bytes(content)


def _exactly(socket: RawIOBase, size: int) -> bytearray:
    content, filled = bytearray(size), 0
    while filled < size:
        filled += _some(socket, memoryview(content)[filled:])
    return content


def _some(socket: RawIOBase, free: memoryview) -> int:
    received = socket.readinto(free)
    if not received:
        raise OperationalError(_SERVER_LOST, "the server closed the connection")
    return received


def _record_batch(
    content: bytes | bytearray, starts: Sequence[int], columns: Sequence[ServerColumn]
) -> pa.RecordBatch:
    data = np.frombuffer(content, np.uint8)
    place = np.array(starts, np.int64)
    even = np.arange(0, 2 * len(starts), 2, dtype=np.int32)
    arrays = []
    for column in columns:
        begin, place, is_null = _cells(data, place)
        arrays.append(values_of(column, _texts(content, begin, place, even, is_null)))
    return pa.record_batch(arrays, names=[column.name for column in columns])


def _cells(
    data: npt.NDArray[np.uint8], place: _Places
) -> tuple[_Places, _Places, npt.NDArray[np.bool_] | None]:
    """Begin and end of one cell of each row, and which of them are NULL, if any."""
    first = data.take(place)
    begin = place + 1
    if first.max() < _NULL:
        return begin, begin + first, None
    is_null = first == _NULL
    size = first.astype(np.int64)
    size[is_null] = 0
    for mark, width in _LENGTHS:
        rows = np.flatnonzero(first == mark)
        if rows.size:
            digits = data[begin[rows, None] + np.arange(width)].astype(np.int64)
            size[rows] = (digits << np.arange(0, 8 * width, 8)).sum(axis=1)
            begin[rows] += width
    return begin, begin + size, is_null if is_null.any() else None


def _texts(
    content: bytes | bytearray,
    begin: _Places,
    end: _Places,
    even: npt.NDArray[np.int32],
    is_null: npt.NDArray[np.bool_] | None,
) -> "pa.Array[Any]":
    """Copy the cells out of the buffer, of which every second piece is one."""
    pieces = np.empty(2 * len(begin), np.int32)
    pieces[0::2] = begin
    pieces[1::2] = end
    buffers = [None, _buffer(pieces), _buffer(content)]
    split = pa.Array.from_buffers(pa.binary(), len(pieces) - 1, buffers)
    valid = None if is_null is None else _buffer(np.packbits(~is_null, bitorder="little"))
    return split.take(pa.Array.from_buffers(pa.int32(), len(even), [valid, _buffer(even)]))


def _buffer(content: Any) -> pa.Buffer:
    return pa.py_buffer(content)
