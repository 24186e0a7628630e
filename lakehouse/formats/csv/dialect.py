"""Which of a table's dialects a delivered file is written in.

Nothing is guessed: a file fits one of the few dialects that its source declares, or is refused
with what each of them lacks.
"""

from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import ColumnsUnfit, DeliveryRefused, RowsUnfit
from lakehouse.formats.csv.header import (
    CsvHeader,
    HeaderDiffers,
    HeaderUnfit,
    read_header,
    undeclared_columns,
)
from lakehouse.formats.csv.sample import Sample, read_sample
from lakehouse.formats.decoded_text import DecodedText, EncodingUnfit, TextDecoder
from lakehouse.source_catalog import CsvDialect, Table


@dataclass(frozen=True)
class DialectChoice:
    """A dialect with what it makes of the file's first rows.

    Attributes:
        dialect: that the file fits.
        text: the file as UTF-8.
        header: the file's column names.
        new_columns: those that the contract does not declare.
        sample: the first rows.
        warnings: doubts that are left.
    """

    dialect: CsvDialect
    text: DecodedText
    header: CsvHeader
    new_columns: tuple[str, ...]
    sample: Sample
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Unfit:
    reason: str
    refusal: type[DeliveryRefused] = DeliveryRefused


def choose_dialect(
    table: Table, decoder: TextDecoder, work: Path, *, memory: str, where: str
) -> DialectChoice:
    """Find the dialect whose encoding and header fit and under which most rows convert.

    The first of a dialect's encodings is used that decodes the whole file and shows a fitting
    header. Of dialects that convert equally many rows the one declared first is used.

    Args:
        table: with its dialects.
        decoder: of the file.
        work: scratch folder.
        memory: limit of a DuckDB connection.
        where: table and file, for messages.

    Raises:
        DeliveryRefused: no dialect fits; says for each one why.
    """
    fitting: list[DialectChoice] = []
    unfit: list[_Unfit] = []
    for dialect in table.meta.dialects:
        found = _try_encodings(table, dialect, decoder)
        if isinstance(found, _Unfit):
            unfit.append(found)
            continue
        text, header, new_columns = found
        sample = read_sample(text.path, header, dialect, table, work, memory=memory, where=where)
        if sample.is_hopeless:
            reason = (
                f"no row of the first {len(sample.readings) + sample.rejected} converts, mostly "
                f"for {sample.commonest_fault}"
            )
            unfit.append(_Unfit(reason, RowsUnfit))
            continue
        fitting.append(DialectChoice(dialect, text, header, new_columns, sample))
    if not fitting:
        reasons = [
            f"- dialect {number}, delimiter {dialect.delimiter!r}: {one.reason}"
            for number, (dialect, one) in enumerate(zip(table.meta.dialects, unfit, strict=True), 1)
        ]
        raise _refusal(unfit)(
            f"{where} fits none of the dialects in {table.file.name}. Correct the file, or "
            f"declare how it is written:\n" + "\n".join(reasons)
        )
    return _best(fitting)


def _refusal(unfit: list[_Unfit]) -> type[DeliveryRefused]:
    """What kept the file from the dialect that it came closest to."""
    kinds = {one.refusal for one in unfit}
    return next((kind for kind in (RowsUnfit, ColumnsUnfit) if kind in kinds), DeliveryRefused)


def _try_encodings(
    table: Table, dialect: CsvDialect, decoder: TextDecoder
) -> tuple[DecodedText, CsvHeader, tuple[str, ...]] | _Unfit:
    reasons: list[str] = []
    refusal = DeliveryRefused
    for encoding in decoder.encodings(dialect.encoding):
        try:
            text = decoder.text(encoding)
            header = read_header(text.path, dialect)
            return text, header, undeclared_columns(header, table, dialect)
        except (EncodingUnfit, HeaderUnfit) as unfit:
            reason = str(unfit)
            reasons += [reason] if reason not in reasons else []
            refusal = ColumnsUnfit if isinstance(unfit, HeaderDiffers) else refusal
    return _Unfit("; ".join(reasons) or "it names no encoding", refusal)


def _best(fitting: list[DialectChoice]) -> DialectChoice:
    best = max(fitting, key=lambda choice: choice.sample.converted)
    warnings = []
    for other in fitting:
        if other is best or other.sample.converted != best.sample.converted:
            continue
        pairs = zip(best.sample.readings, other.sample.readings, strict=False)
        differing = sum(one != two for one, two in pairs)
        if differing:
            warnings.append(
                f"{differing} of the first {len(best.sample.readings)} rows would have other "
                f"values under another of the table's dialects, which fits as well; the one "
                f"declared first was used"
            )
    if best.text.damaged:
        warnings.append(
            f"{best.text.damaged} places are not UTF-8 while the rest of the file is; their "
            f"records are rejected"
        )
    return DialectChoice(
        best.dialect, best.text, best.header, best.new_columns, best.sample, tuple(warnings)
    )
