import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from babel import Locale

import lakehouse
from lakehouse.reports.wording import LANGUAGES, Wording, placeholders, texts_of

NOW = datetime(2026, 11, 21, 6, 3, tzinfo=UTC)
CODE = Path(lakehouse.__file__).parent
# What a text is asked for by: the whole key, or a key with a part that is put in.
ASKED = re.compile(r"""\bsay\(\s*f?["']([a-z_]+\.[^"']*)["']""")


def keys_asked_for():
    sources = [path for path in CODE.rglob("*") if path.suffix in (".py", ".jinja")]
    return {key for path in sources for key in ASKED.findall(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_with_the_same_placeholders(language):
    english, other = texts_of("en"), texts_of(language)
    assert set(other) == set(english)
    assert {key: placeholders(text) for key, text in other.items()} == {
        key: placeholders(text) for key, text in english.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_with_a_count_has_the_forms_of_its_language(language):
    forms = {Locale.parse(language).plural_form(count) for count in (0, 1, 2, 5, 11, 100)}
    plural = [text for text in texts_of(language).values() if not isinstance(text, str)]
    assert plural
    assert all(forms <= set(text) for text in plural)


def test_every_key_asked_for_in_code_and_templates_exists():
    asked, known = keys_asked_for(), texts_of("en")
    assert len(asked) > 100
    missing = [
        key
        for key in asked
        if not any(re.fullmatch(re.sub(r"\\{.*?\\}", r"[a-z_]+", re.escape(key)), k) for k in known)
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("given", "language"),
    [
        ("es", "es"),
        ("es-MX", "es"),
        ("es_AR", "es"),
        ("pt-BR", "pt"),
        (" PT ", "pt"),
        ("fr", "en"),
        ("../es", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_a_language_without_texts_is_english(given, language):
    assert Wording.of(given).language == language


def test_numbers_and_percentages_are_written_as_the_language_does():
    es, en = Wording.of("es"), Wording.of("en")
    assert (es.number(12480), en.number(12480)) == ("12.480", "12,480")
    assert (es.percent(0.012, signed=True), en.percent(0.012, signed=True)) == (
        "+1,2\xa0%",
        "+1.2%",
    )
    assert es.percent(-0.004, signed=True) == "-0,4\xa0%"
    assert {en.percent(share, signed=True) for share in (0, 0.0004, -0.0004)} == {"0%"}
    assert es.number(-0.3) == "0"
    assert (es.size(2_500_000), en.size(999)) == ("2,5 MB", "999 byte")
    assert es.seconds(1234.5) == "1.234,5"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 filas"), (1, "1 fila"), (2, "2 filas"), (1_000_000, "1.000.000 filas")],
)
def test_a_count_chooses_the_plural_form(count, said):
    assert Wording.of("es").say("unit.row", count=count) == said


def test_times_are_utc_and_say_so():
    local = datetime(2026, 11, 21, 1, 3, tzinfo=timezone(timedelta(hours=-5)))
    assert Wording.of("es").moment(local) == "21 nov 2026, 06:03 UTC"
    assert Wording.of("en").moment(NOW.replace(tzinfo=None)) == "21 Nov 2026, 06:03 UTC"
    assert Wording.of("es").weekday_moment(NOW) == "sábado 21 nov 2026, 06:03 UTC"


@pytest.mark.parametrize(
    ("before", "near", "relative"),
    [
        (timedelta(hours=6), "00:03", "hoy"),
        (timedelta(hours=7), "ayer", "ayer"),
        (timedelta(days=3), "18 nov 2026", "18 nov 2026"),
    ],
)
def test_days_close_to_now_are_said_in_words(before, near, relative):
    words = Wording.of("es")
    assert words.near(NOW - before, NOW) == near
    assert words.relative_day(NOW - before, NOW) == relative


def test_values_are_put_in_as_they_are():
    words = Wording.of("en")
    assert words.say("list.quoted", name="{model}<b>") == "“{model}<b>”"


def test_an_unknown_key_is_an_error():
    with pytest.raises(KeyError):
        Wording.of("en").say("page.no_such_text")


def test_names_beyond_the_first_are_counted():
    assert Wording.of("es").names(["a", "b", "c", "d", "e"]) == "a, b, c y 2 más"
    assert Wording.of("es").names(["a", "b"]) == "a, b"
