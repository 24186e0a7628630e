"""Deliveries of pharma_latam as its senders would write them: clean ones and dirty ones.

Everything follows from the seed of the random numbers: the same arguments give the same bytes.
Products and currencies always resolve; what is wrong in a file is wrong on purpose.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from demo.kept_files import whole_file

FIRST_DAY = date(2024, 2, 2)
GOOD_LINES_PER_BAD_LINE = 40

_SALES_HEADER = {
    "arg": ("invoice_id", "fecha", "producto_cod", "cantidad", "precio_unit", "moneda"),
    "bra": ("invoice_id", "fecha", "produto_cod", "quantidade", "preco_unit", "moeda"),
}
_CURRENCY = {"arg": "ARS", "bra": "BRL"}
_PRICE_CENTS = {"arg": (9_000, 1_250_000), "bra": (450, 29_000)}
_PRODUCTS_HEADER = ("producto_cod", "nombre", "laboratorio", "categoria_terapeutica")
_SEED_PRODUCTS = (
    ("AMOX500", "Amoxicilina 500mg", "Laboratorio Bago", "Antibióticos"),
    ("IBUP400", "Ibuprofeno 400mg", "Roemmers", "Antiinflamatorios"),
)
_SEED_SALES = {
    "arg": (
        ("ARG-001", "2024-01-15", "AMOX500", "100", "850.50", "ARS"),
        ("ARG-002", "2024-01-15", "IBUP400", "200", "320.00", "ARS"),
        ("ARG-003", "2024-02-01", "AMOX500", "50", "870.00", "ARS"),
    ),
    "bra": (
        ("BRA-001", "2024-01-20", "AMOX500", "80", "45.90", "BRL"),
        ("BRA-002", "2024-01-22", "IBUP400", "150", "18.50", "BRL"),
    ),
}
_SUBSTANCES = (
    ("ACET", "Ácido acetilsalicílico", "Analgésicos"),
    ("CIPR", "Ciprofloxacina", "Antibióticos"),
    ("DICL", "Diclofenaco sódico", "Antiinflamatorios"),
    ("ENAL", "Enalapril", "Antihipertensivos"),
    ("LEVO", "Levotiroxina sódica", "Hormonas tiroideas"),
    ("LORA", "Loratadina", "Antihistamínicos"),
    ("METF", "Metformina", "Antidiabéticos"),
    ("OMEP", "Omeprazol", "Antiácidos"),
    ("SALB", "Salbutamol", "Broncodilatadores"),
    ("VITC", "Ácido ascórbico", "Vitaminas"),
)
_LABORATORIES = ("Laboratório São Bento", "Química Ñandú", "Farmacéutica del Plata", "Cœur")
_STRENGTHS_MG = (50, 100, 250, 500)


@dataclass(frozen=True)
class WrittenForm:
    """How a sender writes its files.

    Attributes:
        encoding: Python codec; `utf-8-sig` begins with a byte order mark.
        local: True for `;`, decimal comma, points between thousands and dd/mm/yyyy.
    """

    encoding: str
    local: bool

    @property
    def delimiter(self) -> str:
        """Character between two fields."""
        return ";" if self.local else ","

    def day(self, day: date) -> str:
        """A date as this sender writes it."""
        return f"{day:%d/%m/%Y}" if self.local else day.isoformat()

    def price(self, cents: int) -> str:
        """A price of so many hundredths as this sender writes it."""
        if not self.local:
            return str(Decimal(cents).scaleb(-2))
        return f"{cents / 100:,.2f}".translate(str.maketrans(",.", ".,"))


PLAIN = WrittenForm("utf-8", local=False)
PLAIN_WITH_BOM = WrittenForm("utf-8-sig", local=False)
LOCAL = WrittenForm("cp1252", local=True)
LOCAL_WITH_BOM = WrittenForm("utf-8-sig", local=True)
_FORMS = {"arg": (PLAIN, LOCAL, PLAIN_WITH_BOM), "bra": (LOCAL, LOCAL_WITH_BOM, LOCAL)}


def seed_deliveries(folder: Path) -> list[Path]:
    """Write the smallest deliveries: three sales of Argentina, two of Brazil, two products.

    Returns:
        The files `productos.csv`, `ventas_arg.csv` and `ventas_bra.csv`, in the order written.
    """
    paths = [write_delivery(folder / "productos.csv", PLAIN, _PRODUCTS_HEADER, _SEED_PRODUCTS)]
    for country, sales in _SEED_SALES.items():
        path = folder / f"ventas_{country}.csv"
        paths.append(write_delivery(path, PLAIN, _SALES_HEADER[country], sales))
    return paths


def write_deliveries(
    folder: Path,
    *,
    seed: int = 7,
    days: int = 3,
    rows_per_day: int = 2000,
    first_day: date = FIRST_DAY,
) -> list[Path]:
    """Write the smallest deliveries, then a product master and `days` days of both countries.

    The last day of Brazil holds what its vendor does wrong: an invoice twice, a sale without a
    price, and up to three lines that no reader can use (one for every
    `GOOD_LINES_PER_BAD_LINE`, so that the file as a whole is still taken).

    Args:
        folder: where to write; made if missing.
        seed: of the random numbers.
        days: days of sales after the smallest deliveries.
        rows_per_day: good rows of one country on one day, at least 1.
        first_day: day of the first generated sales; exchange rates begin on 2024-01-01.

    Returns:
        Every file, in the order written: masters before the sales that need them.
    """
    random_numbers = random.Random(seed)
    products = list(generated_products())
    codes = [product[0] for product in products]
    paths = seed_deliveries(folder)
    master = folder / f"productos_{first_day:%Y%m%d}.csv"
    paths.append(write_delivery(master, LOCAL, _PRODUCTS_HEADER, products))
    for number in range(days):
        day = first_day + timedelta(days=number)
        for country, forms in _FORMS.items():
            form = forms[number % len(forms)]
            rows = _sales(
                country,
                day,
                form,
                codes=codes,
                rows=rows_per_day,
                random_numbers=random_numbers,
            )
            if country == "bra" and number == days - 1:
                rows = _with_faults(rows, day, rows_per_day)
            path = folder / f"ventas_{country}_{day:%Y%m%d}.csv"
            paths.append(write_delivery(path, form, _SALES_HEADER[country], rows))
    return paths


def generated_products() -> Iterator[tuple[str, str, str, str]]:
    """The full product master: the two seed products and a few dozen more, with accents."""
    yield from _SEED_PRODUCTS
    for place, (prefix, substance, category) in enumerate(_SUBSTANCES):
        for strength in _STRENGTHS_MG:
            laboratory = _LABORATORIES[(place + strength) % len(_LABORATORIES)]
            yield f"{prefix}{strength}", f"{substance} {strength}mg", laboratory, category


def write_delivery(
    path: Path, form: WrittenForm, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]
) -> Path:
    """Write one file so that no reader ever sees half of it; one with this content is left alone.

    Returns:
        `path`.
    """
    with (
        whole_file(path) as unfinished,
        unfinished.open("w", encoding=form.encoding, newline="") as file,
    ):
        file.write(form.delimiter.join(header) + "\n")
        file.writelines(form.delimiter.join(row) + "\n" for row in rows)
    return path


def _sales(
    country: str,
    day: date,
    form: WrittenForm,
    *,
    codes: list[str],
    rows: int,
    random_numbers: random.Random,
) -> Iterator[tuple[str, ...]]:
    lowest, highest = _PRICE_CENTS[country]
    for number in range(1, rows + 1):
        yield (
            f"{country.upper()}-{day:%Y%m%d}-{number:06d}",
            form.day(day),
            random_numbers.choice(codes),
            str(random_numbers.randint(1, 500)),
            form.price(random_numbers.randint(lowest, highest)),
            _CURRENCY[country],
        )


def _with_faults(
    rows: Iterator[tuple[str, ...]], day: date, good_rows: int
) -> Iterator[tuple[str, ...]]:
    first = next(rows)
    yield first
    yield from rows
    invoice, written_day, product, _, price, currency = first
    yield invoice, written_day, product, "1", price, currency
    yield f"BRA-{day:%Y%m%d}-SEMPRECO", written_day, product, "5", "", currency
    bad = (
        (f"BRA-{day:%Y%m%d}-DOZE", written_day, product, "doze", price, currency),
        (f"BRA-{day:%Y%m%d}-DATA", f"31/02/{day:%Y}", product, "3", price, currency),
        (f"BRA-{day:%Y%m%d}-PRECO", written_day, product, "2", "a combinar", currency),
    )
    yield from bad[: good_rows // GOOD_LINES_PER_BAD_LINE]
