"""A delivered text file in the first of its declared encodings that decodes all of it."""

from pathlib import Path

from lakehouse.errors import DeliveryRefused
from lakehouse.formats.content_profile import ContentProfile, profile_content
from lakehouse.formats.decoded_text import DecodedText, EncodingUnfit, TextDecoder
from lakehouse.source_catalog import Table

UTF8_MARK = b"\xef\xbb\xbf"


def decode_declared(
    file: Path, profile: ContentProfile | None, table: Table, work: Path, *, where: str
) -> DecodedText:
    """Decode a file to UTF-8; a byte order mark overrides what is declared.

    Args:
        file: as delivered.
        profile: of this very content, if it was read already.
        table: whose first dialect says the encodings to try.
        work: folder for a scratch copy, which the caller removes.
        where: table and file, for messages.

    Raises:
        DeliveryRefused: the file is empty, or fits none of the encodings.
    """
    profile = profile or profile_content(file)
    if profile.is_empty:
        raise DeliveryRefused(f"{where} is empty ({profile.size} bytes). Ask for it again.")
    decoder = TextDecoder(file, profile, work)
    reasons = []
    for encoding in decoder.encodings(table.meta.dialects[0].encoding):
        try:
            return decoder.text(encoding)
        except EncodingUnfit as unfit:
            reasons.append(str(unfit))
    raise DeliveryRefused(
        f"{where} is in none of the encodings that {table.file.name} declares: "
        f"{'; '.join(reasons)}. Correct the file, or add its encoding."
    )


def mark_length(text: Path) -> int:
    """Bytes of a UTF-8 byte order mark at the beginning of a text."""
    with text.open("rb") as file:
        return len(UTF8_MARK) if file.read(len(UTF8_MARK)) == UTF8_MARK else 0
