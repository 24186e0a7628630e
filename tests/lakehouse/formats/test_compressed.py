import gzip
import io
import itertools
import random
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lakehouse.errors import DeliveryRefused
from lakehouse.formats import compressed, zip_directory
from lakehouse.formats.stage_file import stage_file
from lakehouse.formats.staged_file import StagedFile
from lakehouse.formats.staging_limits import StagingLimits
from lakehouse.source_catalog import Table

Stage = Callable[..., list[StagedFile]]
CSV = b"id,city\n1,Salta\n2,Rosario\n"
ROWS = [("1", "Salta"), ("2", "Rosario")]


def table_of(data_format: str = "csv", member: str = "*") -> Table:
    return Table.model_validate(
        {
            "source": "shop",
            "name": "sales",
            "connector": "files",
            "block": "landing",
            "schema_name": "raw",
            "meta": {
                "load": "append",
                "pattern": "*",
                "format": data_format,
                "file": {"member": member},
            },
            "columns": [{"name": "id"}, {"name": "city"}],
            "file": Path("_shop__sources.yml"),
        }
    )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Write a packed file and stage it; nothing may be left or written elsewhere."""

    def write_and_stage(content: bytes, name: str = "lote.zip", **table: Any) -> list[StagedFile]:
        landing, scratch = tmp_path / "landing", tmp_path / "home" / "scratch"
        landing.mkdir(exist_ok=True)
        (landing / name).write_bytes(content)
        declared = table_of(**table)
        try:
            return stage_file(
                landing / name, declared, scratch, captured={}, limits=StagingLimits(threads=1)
            )
        finally:
            (landing / name).unlink()
            left = [path for path in tmp_path.rglob("*") if path.is_file()]
            assert all(path.name.startswith("staged-") for path in left), left

    return write_and_stage


def rows_of(staged: StagedFile) -> list[tuple[Any, ...]]:
    with duckdb.connect() as session:
        return session.execute(f"from '{staged.path}'").fetchall()


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = 8) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_gz_file_is_read_as_what_it_wraps(stage: Stage):
    (part,) = stage(gzip.compress(CSV), "ventas.csv.gz")
    assert (rows_of(part), part.name) == (ROWS, None)
    (part,) = stage(gzip.compress(CSV[:12]) + gzip.compress(CSV[12:]), "VENTAS.CSV.GZ")
    assert rows_of(part) == ROWS


def test_members_that_match_are_parts_under_their_name(stage: Stage):
    content = zipped(
        ("dir/", b""),
        ("dir/pagos.csv", CSV),
        ("__MACOSX/dir/._pagos.csv", b"junk"),
        ("dir/.DS_Store", b"junk"),
        ("dir/léeme.txt", b"junk"),
        ("más pagos.csv", b"id,city,new\n3,Salta,x\n"),
    )
    first, second = stage(content, member="*.csv")
    assert (first.name, rows_of(first)) == ("lote.zip/dir/pagos.csv", ROWS)
    assert (second.name, second.new_columns) == ("lote.zip/más pagos.csv", ("new",))
    (only,) = stage(content, member="dir/*.csv")
    assert only.name == "lote.zip/dir/pagos.csv"


@pytest.mark.parametrize("data_format", ["json", "ndjson"])
def test_any_format_may_be_packed(stage: Stage, data_format: str):
    content = b'{"id": 1, "city": "Salta"}'
    (part,) = stage(zipped(("a.json", content)), data_format=data_format)
    assert rows_of(part) == ROWS[:1]


def test_an_xlsx_file_is_a_zip_file_of_its_own_kind():
    assert (
        compressed.packing_of(_file_of(zipped(("x", b""))), table_of("xlsx"), name="a.xlsx") is None
    )


def _file_of(content: bytes) -> Any:
    class Opened:
        """Just enough of a path."""

        def open(self, _mode: str) -> io.BytesIO:
            return io.BytesIO(content)

        def stat(self) -> Any:
            return type("Status", (), {"st_size": len(content)})

    return Opened()


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (CSV, "a.csv.gz", "is named .gz, but is no gz file"),
        (CSV, "a.zip", "is named .zip, but is no zip file"),
        (gzip.compress(CSV), "a.zip", "is named .zip, but is no zip file"),
        (gzip.compress(CSV), "a.csv", "is packed .gz., but not named so"),
        (zipped(("a.csv", CSV)), "a.csv", "is packed .zip., but not named so"),
        (b"", "a.zip", "is empty"),
        (gzip.compress(b""), "a.csv.gz", "is empty"),
        (gzip.compress(CSV)[:-9], "a.csv.gz", "cut off or damaged"),
        (gzip.compress(CSV)[:-8] + b"12345678", "a.csv.gz", "cut off or damaged"),
        (gzip.compress(CSV) + b"junk", "a.csv.gz", "cut off or damaged"),
        (zipped(("a.csv", CSV))[:-30], "a.zip", "cut off, or no zip file"),
        (zipped(("a.csv", CSV))[:40], "a.zip", "cut off, or no zip file"),
        (zipped(), "a.zip", "there are no files"),
        (zipped(("b.txt", b""), ("c.txt", b"")), "a.zip", r"there are 'b.txt', 'c.txt'"),
        (zipped(("a.csv", zipped(("b.csv", CSV)))), "a.zip", "packed once more"),
        (zipped(("a.csv", gzip.compress(CSV))), "a.zip", "packed once more"),
        (zipped(("a.csv.zip", b"id,city\n")), "a.zip", "packed once more"),
        (gzip.compress(gzip.compress(CSV)), "a.csv.gz", "packed once more"),
        (zipped(("a.csv", CSV), method=zipfile.ZIP_LZMA), "a.zip", "packed by method 14"),
        (zipped(("a.csv", CSV), method=zipfile.ZIP_BZIP2), "a.zip", "packed by method 12"),
    ],
    # The bytes hold the time of day, which would make other names in each process.
    ids=map(str, itertools.count()),
)
def test_what_cannot_be_unpacked_is_refused(stage: Stage, content: bytes, name: str, reason: str):
    with pytest.raises(DeliveryRefused, match=reason):
        stage(content, name, member="*.csv*" if name == "a.zip" else "*")


@pytest.mark.parametrize(
    "name",
    [
        "../pagos.csv",
        "a/../../pagos.csv",
        "..",
        "/etc/pagos.csv",
        "C:\\pagos.csv",
        "c:pagos.csv",
        "a\\b.csv",
        "a\nb.csv",
        "pagos.csv\x1b[2J",
    ],
)
def test_a_name_that_leads_elsewhere_refuses_the_whole_archive(stage: Stage, name: str):
    content = zipped(("good.csv", CSV), (name, CSV))
    with pytest.raises(DeliveryRefused, match="nothing of it is read") as refusal:
        stage(content, member="good.csv")
    assert "\x1b" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_name_with_a_nul_refuses_the_whole_archive(stage: Stage):
    content = zipped(("good.csvX.exe", CSV)).replace(b"good.csvX", b"good.csv\0")
    with pytest.raises(DeliveryRefused, match="control characters"):
        stage(content)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_device_refuses_the_whole_archive(stage: Stage, kind: int):
    member = zipfile.ZipInfo("link.csv")
    member.create_system = 3
    member.external_attr = (kind | 0o777) << 16
    with pytest.raises(DeliveryRefused, match="a link or a device"):
        stage(zipped((member, b"/etc/passwd"), ("good.csv", CSV)), member="good.csv")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_doubled_member_refuses_the_whole_archive(stage: Stage):
    with pytest.raises(DeliveryRefused, match=r"'a.csv' comes twice"):
        stage(zipped(("a.csv", CSV), ("a.csv", CSV)))


def test_an_encrypted_member_is_refused_without_a_try(stage: Stage):
    content = bytearray(zipped(("a.csv", CSV)))
    content[6] |= 1
    content[content.rfind(b"PK\1\2") + 8] |= 1
    with pytest.raises(DeliveryRefused, match=r"'a.csv' is encrypted"):
        stage(bytes(content))


def test_a_damaged_member_is_refused(stage: Stage):
    content = bytearray(zipped(("a.csv", random.Random(1).randbytes(5_000)), method=0))
    content[2_000] ^= 1
    with pytest.raises(DeliveryRefused, match=r"cut off or damaged .Bad CRC-32"):
        stage(bytes(content))


def test_sizes_in_headers_are_never_believed(stage: Stage):
    content = zipped(("a.csv", CSV))
    size = struct.pack("<I", len(CSV))
    with pytest.raises(DeliveryRefused, match="cut off or damaged"):
        stage(content.replace(size, struct.pack("<I", 3)))
    (part,) = stage(content.replace(size, struct.pack("<I", 10**9)))
    assert rows_of(part) == ROWS


def test_members_that_lie_over_each_other_are_refused(stage: Stage):
    content = bytearray(zipped(("a.csv", CSV), ("b.csv", CSV)))
    second = content.rfind(b"PK\1\2")
    content[second + 42 : second + 46] = struct.pack("<I", 0)
    with pytest.raises(DeliveryRefused, match="lies over another one"):
        stage(bytes(content))


def test_a_bomb_is_refused_before_it_fills_the_disk(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compressed, "_RATIO_FROM_BYTES", 3 << 20)
    bomb = bytes(20 << 20)
    for content, name in ((gzip.compress(bomb), "a.gz"), (zipped(("a", bomb)), "a.zip")):
        with pytest.raises(DeliveryRefused, match=r"become more than 4194304, which is beyond"):
            stage(content, name)
    many = zipped(*((f"{number}.csv", bytes(2 << 20)) for number in range(10)))
    with pytest.raises(DeliveryRefused, match=r"become more than|fits none of the dialects"):
        stage(many)


def test_what_is_too_large_altogether_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compressed, "_MOST_BYTES", 3 << 20)
    content = random.Random(1).randbytes(4 << 20)
    with pytest.raises(DeliveryRefused, match="beyond 3145728 bytes"):
        stage(gzip.compress(content, 1), "a.gz")


@pytest.mark.parametrize("zip64", [False, True])
def test_a_directory_that_says_too_much_is_refused_before_it_is_read(stage: Stage, zip64: bool):
    content = zipped(("a.csv", CSV))
    end = content.rfind(b"PK\5\6")
    huge = bytearray(content[end:])
    if zip64:
        huge[10:16] = b"\xff" * 6
        record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 10**8, 10**8, 10**10, 0)
        locator = b"PK\6\7" + struct.pack("<IQI", 0, end, 1)
        content = content[:end] + record + locator + bytes(huge)
    else:
        huge[12:16] = struct.pack("<I", 1 << 30)
        content = content[:end] + bytes(huge)
    with pytest.raises(DeliveryRefused, match="it says that it has"):
        stage(content)


def test_too_many_members_are_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zip_directory, "MOST_PARTS", 2)
    content = zipped(*((f"{number}.csv", CSV) for number in range(3)))
    with pytest.raises(DeliveryRefused, match="3 members are named like"):
        stage(content)
    monkeypatch.setattr(zip_directory, "MOST_MEMBERS", 2)
    with pytest.raises(DeliveryRefused, match="at most 2 are read"):
        stage(content)


@given(cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
def test_any_damage_is_refused_or_harmless(cuts: list[tuple[float, int]], stage: Stage):
    for intact, name in (
        (zipped(("a.csv", CSV), ("b.csv", CSV)), "a.zip"),
        (gzip.compress(CSV), "a.csv.gz"),
    ):
        content = bytearray(intact)
        for place, value in cuts:
            content[int(place * (len(content) - 1))] = value
        try:
            parts = stage(bytes(content), name)
        except DeliveryRefused:
            continue
        assert all(rows_of(part) == ROWS for part in parts)
