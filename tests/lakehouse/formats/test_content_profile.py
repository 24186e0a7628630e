import hashlib

import pytest

from lakehouse.formats.content_profile import CHUNK_BYTES, profile_content


@pytest.fixture
def profile(tmp_path):
    def of(content: bytes):
        (tmp_path / "file").write_bytes(content)
        return profile_content(tmp_path / "file")

    return of


def test_identity_is_size_and_sha256_of_the_delivered_bytes(profile):
    content = "a,ñ\n".encode() * 1000
    assert profile(content).size == len(content)
    assert profile(content).sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("content", "newlines", "complete"),
    [(b"a\nb\n", 2, True), (b"a\nb", 1, False), (b"a\rb", 0, False), (b"a\r\n", 1, True)],
)
def test_line_feeds_are_counted(profile, content, newlines, complete):
    assert (profile(content).newlines, profile(content).ends_with_newline) == (newlines, complete)


def test_a_character_that_spans_two_chunks_is_still_utf8(profile):
    content = b"a" * (CHUNK_BYTES - 1) + "ñ".encode() + b"b" * 10
    assert profile(content).is_utf8
    assert not profile(content).is_ascii


@pytest.mark.parametrize(
    "content", [b"caf\xe9", b"caf\xc3", b"a" * CHUNK_BYTES + b"\xff" + "ñ".encode()]
)
def test_one_invalid_or_cut_sequence_makes_a_file_not_utf8(profile, content):
    assert not profile(content).is_utf8


@pytest.mark.parametrize(
    ("encoding", "bom"),
    [("utf-8", None), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16-le")],
)
def test_a_byte_order_mark_is_recognised(profile, encoding, bom):
    assert profile("a,b\n".encode(encoding)).bom == bom


def test_line_feeds_of_utf16_are_those_of_its_text(profile):
    content = "ਊ,Ċ\nb\n".encode("utf-16")
    assert content.count(b"\n") > 2
    assert profile(content).newlines == 2
    assert profile(content).ends_with_newline


@pytest.mark.parametrize(
    "content", [b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n", b"\n \t\n", "\n".encode("utf-16")]
)
def test_a_file_without_a_visible_character_is_empty(profile, content):
    assert profile(content).is_empty


def test_a_file_with_one_character_is_not_empty(profile):
    assert not profile(b"\n\n" * CHUNK_BYTES + b"x").is_empty
