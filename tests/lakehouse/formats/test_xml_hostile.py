"""Documents made to exhaust memory or time, or to reach outside: refused, and soon."""

import re
from functools import partial

import pytest


@pytest.fixture
def stage_hostile(staged_alone, make_table):
    """Stage a document in a process of its own."""
    return partial(
        staged_alone,
        table=make_table(["id"], ({},), pattern="*", format="xml", file={"record_path": "/c/p"}),
    )


LAUGHS = '<!ENTITY l0 "ha">' + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12)
)


@pytest.mark.parametrize(
    "document",
    [
        f"<!DOCTYPE c [{LAUGHS}]><c><p><id>&l11;</id></p></c>",
        f'<!DOCTYPE c [{LAUGHS}]><c><p id="&l11;"><id>1</id></p></c>',
        '<!DOCTYPE c [<!ENTITY x SYSTEM "file:///etc/passwd">]><c><p><id>&x;</id></p></c>',
        '<!DOCTYPE c [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]><c><p><id>1</id></p></c>',
        f'<!DOCTYPE c [<!ENTITY a "{"a" * 100_000}">]><c><p><id>{"&a;" * 20_000}</id></p></c>',
    ],
    ids=["laughs", "laughs-in-an-attribute", "external", "parameter", "quadratic"],
)
def test_declared_entities_are_refused_and_never_expanded(stage_hostile, tmp_path, document):
    file = tmp_path / "entities.xml"
    file.write_text(document)
    told = stage_hostile(file)
    assert told["rows"] is None
    assert "entit" in told["refusal"].lower()
    assert "root:" not in told["refusal"]
    assert told["grown_mb"] < 60


def test_entities_of_an_external_dtd_are_refused_and_other_documents_with_one_are_not(
    stage_hostile, tmp_path
):
    file = tmp_path / "dtd.xml"
    file.write_text('<!DOCTYPE c SYSTEM "c.dtd"><c><p k="&x;"><id>1</id></p></c>')
    assert "external DTD" in stage_hostile(file)["refusal"]
    file.write_text('<!DOCTYPE c SYSTEM "c.dtd"><c><p k="&amp;&#65;"><id>1</id></p></c>')
    assert stage_hostile(file)["rows"] == 1


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([("<c>", 1), ("<p>", 10_000), ("</p>", 10_000), ("</c>", 1)], "depth"),
        ([("<c><p><id>", 1), ("a" * 1000, 200_000), ("</id></p></c>", 1)], "8 MiB"),
        ([("<c><p><id><![CDATA[", 1), ("a" * 1000, 200_000), ("]]></id></p></c>", 1)], "8 MiB"),
        ([("<c><!--", 1), ("a" * 1000, 200_000), ("--></c>", 1)], "well-formed"),
        ([("<c><p k='", 1), ("a" * 1000, 200_000), ("'/></c>", 1)], "well-formed"),
        ([("<c><p>", 1), ("<id>1</id>", 10_000_000), ("</p></c>", 1)], "8 MiB"),
        ([("<c>", 1), ("<p>", 1), ("<x/>", 20_000_000), ("</p></c>", 1)], "8 MiB"),
        ([("<c><p><id>1</id></p></c>", 1), ("<!-- -->", 10_000_000)], "outside the document"),
        ([("<!-- -->", 10_000_000), ("<c/>", 1)], "outside the document"),
        ([(" ", 100_000_000)], "well-formed|outside"),
        ([("<c>", 1), *[(f"<p><a{n}/></p>", 1) for n in range(5_000)]], "more than 2000"),
    ],
    ids=["depth", "text", "cdata", "comment", "attribute", "children", "empty-children",
         "after-the-end", "before-the-start", "blanks", "names"],
)  # fmt: skip
@pytest.mark.long
def test_what_would_exhaust_memory_is_refused_in_bounded_time(
    stage_hostile, write_pieces, parts, reason
):
    told = stage_hostile(write_pieces("hostile.xml", *parts))
    assert told["rows"] is None
    assert re.search(reason, told["refusal"], re.IGNORECASE), told["refusal"]
    assert told["grown_mb"] < 400
    assert told["seconds"] < 40


@pytest.mark.parametrize(
    "between",
    ["<otro><a>x</a></otro>", "<!-- a comment -->", "<otro>", "text between "],
    ids=["elements", "comments", "open-elements", "text"],
)
@pytest.mark.long
def test_what_stands_between_records_takes_no_memory(stage_hostile, write_pieces, between):
    closing = "</otro>" * 40 if between == "<otro>" else ""
    many = (between * 40 + closing + "<p><id>1</id></p>", 20_000)
    few = (between * 40 + closing + "<p><id>1</id></p>", 600)
    small = stage_hostile(write_pieces("small.xml", ("<c>", 1), few, ("</c>", 1)))
    large = stage_hostile(write_pieces("large.xml", ("<c>", 1), many, ("</c>", 1)))
    assert (small["rows"], large["rows"]) == (600, 20_000)
    assert large["grown_mb"] - small["grown_mb"] < 60


@pytest.mark.long
def test_memory_does_not_grow_with_the_document(stage_hostile, write_pieces):
    record = "<p><id>1</id><nombre>" + "n" * 200 + "</nombre></p>\n"
    small = stage_hostile(write_pieces("s.xml", ("<c>", 1), (record, 20_000), ("</c>", 1)))
    large = stage_hostile(write_pieces("l.xml", ("<c>", 1), (record, 200_000), ("</c>", 1)))
    assert large["rows"] == 200_000
    assert large["grown_mb"] - small["grown_mb"] < 60
