"""Cities of the demo's marketplace, with the state, the middle and the postcodes of each.

A zip prefix is the first five digits of a CEP, the Brazilian postcode.
"""

from typing import NamedTuple


class City(NamedTuple):
    """A city, where it lies, and its share of the customers.

    Attributes:
        spelling: without accents, as customers and sellers have it.
        others: how the points have it at times.
        latitude: degrees of its middle.
        longitude: degrees of its middle.
        first_zip: lowest prefix.
        zips: prefixes in its range; no point is ever known for the last one.
        weight: its part of all customers, out of the sum of all weights.
    """

    spelling: str
    others: tuple[str, ...]
    state: str
    latitude: float
    longitude: float
    first_zip: int
    zips: int
    weight: int


CITIES = (
    City("sao paulo", ("são paulo", "sp", "sao  paulo"), "SP", -23.55, -46.64, 1001, 4900, 170),
    City("guarulhos", (), "SP", -23.46, -46.53, 7000, 400, 15),
    City("osasco", (), "SP", -23.53, -46.79, 6000, 300, 14),
    City("santo andre", ("santo andré",), "SP", -23.66, -46.53, 9000, 300, 14),
    City("sao bernardo do campo", ("são bernardo do campo",), "SP", -23.69, -46.56, 9600, 300, 16),
    City("santos", (), "SP", -23.96, -46.33, 11000, 100, 14),
    City("sao jose dos campos", ("são josé dos campos",), "SP", -23.19, -45.88, 12200, 50, 14),
    City("campinas", (), "SP", -22.91, -47.06, 13000, 140, 24),
    City("jundiai", ("jundiaí",), "SP", -23.19, -46.88, 13200, 20, 12),
    City("piracicaba", (), "SP", -22.73, -47.65, 13400, 40, 10),
    City("ribeirao preto", ("ribeirão preto",), "SP", -21.18, -47.81, 14000, 110, 12),
    City("sao jose do rio preto", ("são josé do rio preto",), "SP", -20.82, -49.38, 15000, 100, 10),
    City("bauru", (), "SP", -22.31, -49.06, 17000, 110, 9),
    City("sorocaba", (), "SP", -23.50, -47.46, 18000, 110, 14),
    City("rio de janeiro", ("rio de janeiro, rj",), "RJ", -22.91, -43.20, 20000, 3800, 80),
    City("niteroi", ("niterói",), "RJ", -22.88, -43.10, 24000, 390, 12),
    City("sao goncalo", ("são gonçalo",), "RJ", -22.83, -43.05, 24400, 390, 9),
    City("duque de caxias", (), "RJ", -22.79, -43.31, 25000, 490, 8),
    City("petropolis", ("petrópolis",), "RJ", -22.51, -43.18, 25600, 180, 6),
    City("nova iguacu", ("nova iguaçu",), "RJ", -22.76, -43.45, 26000, 100, 9),
    City("vitoria", ("vitória",), "ES", -20.32, -40.34, 29000, 100, 8),
    City("vila velha", (), "ES", -20.33, -40.29, 29100, 30, 8),
    City("belo horizonte", ("belo horizonte/mg",), "MG", -19.92, -43.94, 30000, 1990, 40),
    City("contagem", (), "MG", -19.93, -44.05, 32000, 390, 10),
    City("betim", (), "MG", -19.97, -44.20, 32500, 190, 6),
    City("juiz de fora", (), "MG", -21.76, -43.35, 36000, 108, 9),
    City("uberlandia", ("uberlândia",), "MG", -18.91, -48.27, 38400, 40, 10),
    City("montes claros", (), "MG", -16.73, -43.86, 39400, 10, 5),
    City("salvador", (), "BA", -12.97, -38.50, 40000, 2590, 20),
    City("feira de santana", (), "BA", -12.26, -38.97, 44000, 100, 5),
    City("aracaju", (), "SE", -10.91, -37.07, 49000, 100, 5),
    City("recife", (), "PE", -8.05, -34.90, 50000, 2990, 14),
    City("olinda", (), "PE", -8.00, -34.86, 53000, 390, 4),
    City("maceio", ("maceió",), "AL", -9.65, -35.72, 57000, 90, 5),
    City("joao pessoa", ("joão pessoa",), "PB", -7.12, -34.86, 58000, 90, 5),
    City("natal", (), "RN", -5.79, -35.21, 59000, 140, 5),
    City("fortaleza", (), "CE", -3.73, -38.53, 60000, 1590, 14),
    City("teresina", (), "PI", -5.09, -42.80, 64000, 90, 4),
    City("sao luis", ("são luís",), "MA", -2.53, -44.30, 65000, 100, 6),
    City("belem", ("belém",), "PA", -1.46, -48.49, 66000, 990, 8),
    City("macapa", ("macapá",), "AP", 0.04, -51.06, 68900, 14, 1),
    City("manaus", (), "AM", -3.12, -60.02, 69000, 95, 2),
    City("boa vista", (), "RR", 2.82, -60.67, 69300, 39, 1),
    City("rio branco", (), "AC", -9.97, -67.81, 69900, 24, 1),
    City("brasilia", ("brasília", "brasilia-df"), "DF", -15.78, -47.93, 70000, 2700, 32),
    City("goiania", ("goiânia",), "GO", -16.68, -49.25, 74000, 890, 12),
    City("aparecida de goiania", ("aparecida de goiânia",), "GO", -16.82, -49.25, 74900, 90, 5),
    City("porto velho", (), "RO", -8.76, -63.90, 76800, 34, 2),
    City("palmas", (), "TO", -10.18, -48.33, 77000, 240, 3),
    City("cuiaba", ("cuiabá",), "MT", -15.60, -56.10, 78000, 100, 8),
    City("campo grande", (), "MS", -20.46, -54.62, 79000, 130, 7),
    City("curitiba", ("curitiba - pr",), "PR", -25.43, -49.27, 80000, 2900, 27),
    City("londrina", (), "PR", -23.31, -51.16, 86000, 108, 8),
    City("maringa", ("maringá",), "PR", -23.42, -51.94, 87000, 108, 8),
    City("florianopolis", ("florianópolis", "floripa"), "SC", -27.60, -48.55, 88000, 98, 10),
    City("blumenau", (), "SC", -26.92, -49.07, 89000, 98, 7),
    City("joinville", (), "SC", -26.30, -48.85, 89200, 39, 8),
    City("porto alegre", (), "RS", -30.03, -51.22, 90000, 1990, 24),
    City("canoas", (), "RS", -29.92, -51.18, 92000, 440, 6),
    City("caxias do sul", (), "RS", -29.17, -51.18, 95000, 130, 6),
    City("pelotas", (), "RS", -31.77, -52.34, 96000, 98, 5),
    City("sant'ana do livramento", ("santana do livramento",), "RS", -30.89, -55.53, 97570, 20, 1),
)  # fmt: skip
# Where a geocoder finds a place of the same name: Portugal, Galicia, the Philippines.
ABROAD = ((41.15, -8.61), (38.71, -9.14), (42.43, -8.64), (14.59, 120.98))
