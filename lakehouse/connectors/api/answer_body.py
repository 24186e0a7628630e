"""The body of an answer, unpacked to a file within limits."""

import hashlib
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from lakehouse.connectors.api.access import shown_url
from lakehouse.errors import ApiRefused, ApiUnavailable

_PIECE = 1 << 20
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


@dataclass(frozen=True)
class SavedBody:
    """A body on disk, byte for byte after unpacking; `sha256` in hexadecimal."""

    file: Path
    size: int
    sha256: str


def save_body(
    response: httpx.Response, file: Path, *, largest: int, deadline_seconds: float
) -> SavedBody:
    """Write the body of a streamed response to `file`.

    httpx would unpack gzip too, but without a bound, and takes a cut stream for a whole one.

    Raises:
        ApiRefused: it is larger than `largest` bytes, or packed in an unknown way.
        ApiUnavailable: it ends too early, is damaged, or takes too long.
        httpx.TransportError: the connection broke.
    """
    digest, size = hashlib.sha256(), 0
    deadline = time.monotonic() + deadline_seconds
    where = shown_url(response.request.url)
    with file.open("wb") as target:
        for piece in _pieces(response, where):
            size += len(piece)
            if size > largest:
                raise ApiRefused(
                    f"{where} answers with more than {largest} bytes. Ask for less at a time: "
                    "use paging, each, or a parameter of the API."
                )
            if time.monotonic() > deadline:
                raise ApiUnavailable(
                    f"{where} has not ended its answer after {deadline_seconds:.0f} s "
                    f"({size} bytes came)."
                )
            target.write(piece)
            digest.update(piece)
    return SavedBody(file, size, digest.hexdigest())


def _pieces(response: httpx.Response, where: str) -> Iterator[bytes]:
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        yield from response.iter_raw()
    elif coding in ("gzip", "x-gzip", "deflate"):
        yield from _unpacked(response.iter_raw(), where)
    else:
        raise ApiRefused(
            f"{where} answers with content encoding {coding[:40]!r}, although only gzip was "
            "offered. Ask its owner to send gzip or plain text."
        )


def _unpacked(packed: Iterator[bytes], where: str) -> Iterator[bytes]:
    """Unpack gzip, of several members too, in pieces that are bounded however dense it is."""
    decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
    begun = False
    try:
        for chunk in packed:
            left = chunk
            while left:
                if decoder.eof:
                    decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
                begun = True
                piece = decoder.decompress(left, _PIECE)
                left = decoder.unconsumed_tail or decoder.unused_data
                if piece:
                    yield piece
            while piece := decoder.decompress(b"", _PIECE):
                yield piece
    except zlib.error:
        raise ApiUnavailable(f"{where} answers with a damaged gzip stream.") from None
    if begun and not decoder.eof:
        raise ApiUnavailable(f"{where} ended in the middle of its gzip stream.")
