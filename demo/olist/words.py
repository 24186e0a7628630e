"""Words of the demo's marketplace: categories, what buyers write, how often what happens."""

from datetime import date

# Portuguese name, English name, parts of all products, median price in reais.
CATEGORIES = (
    ("cama_mesa_banho", "bed_table_bath", 92, 80),
    ("esporte_lazer", "sport_leisure", 87, 79),
    ("moveis_decoracao", "furniture_decoration", 81, 66),
    ("beleza_saude", "beauty_health", 74, 80),
    ("utilidades_domesticas", "household_goods", 71, 60),
    ("automotivo", "automotive", 58, 86),
    ("informatica_acessorios", "computing_accessories", 50, 82),
    ("brinquedos", "toys_and_games", 43, 80),
    ("relogios_presentes", "watches_and_presents", 40, 125),
    ("telefonia", "phones", 34, 35),
    ("bebes", "babies", 28, 83),
    ("perfumaria", "perfumes", 26, 87),
    ("fashion_bolsas_e_acessorios", "fashion_bags_and_accessories", 26, 50),
    ("papelaria", "stationery_and_paper", 26, 60),
    ("cool_stuff", "cool_things", 24, 120),
    ("ferramentas_jardim", "tools_garden", 23, 60),
    ("pet_shop", "pets", 22, 69),
    ("eletronicos", "electronic_goods", 16, 30),
    ("construcao_ferramentas_construcao", "building_tools", 12, 79),
    ("eletrodomesticos", "household_appliances", 11, 65),
    ("malas_acessorios", "suitcases_accessories", 11, 110),
    ("consoles_games", "games_consoles", 10, 80),
    ("moveis_escritorio", "office_chairs_and_desks", 10, 155),
    ("instrumentos_musicais", "instruments_for_music", 9, 110),
    ("eletroportateis", "portable_appliances", 7, 130),
    ("casa_construcao", "house_building", 7, 75),
    ("livros_interesse_geral", "general_books", 7, 55),
    ("fashion_calcados", "fashion_shoes_and_boots", 5, 70),
    ("moveis_sala", "living_room", 5, 120),
    ("climatizacao", "heating_and_cooling", 4, 95),
    ("livros_tecnicos", "technical_books", 4, 60),
    ("telefonia_fixa", "landline_phones", 4, 45),
    ("alimentos_bebidas", "groceries_drinks", 3, 45),
    ("bebidas", "beverages", 3, 40),
    ("alimentos", "groceries", 3, 40),
    ("artigos_de_natal", "christmas_articles", 2, 45),
    ("artes", "arts", 2, 60),
    ("pcs", "desktop_computers", 1, 1000),
    ("flores", "cut_flowers", 1, 30),
    ("seguros_e_servicos", "insurance_and_services", 1, 140),
)
UNTRANSLATED = ("pc_gamer", "portateis_cozinha_e_preparadores_de_alimentos")

# Orders of a whole month next to other months, from the first with sales to the last.
FIRST_DAY = date(2016, 9, 4)
LAST_DAY = date(2018, 9, 3)
ORDERS_OF_MONTH = {
    (2016, 9): 0.1, (2016, 10): 3.3, (2016, 12): 0.1, (2017, 1): 8.0, (2017, 2): 17.9,
    (2017, 3): 27.0, (2017, 4): 24.2, (2017, 5): 37.2, (2017, 6): 32.6, (2017, 7): 40.5,
    (2017, 8): 43.6, (2017, 9): 43.1, (2017, 10): 46.6, (2017, 11): 75.8, (2017, 12): 57.0,
    (2018, 1): 73.1, (2018, 2): 67.7, (2018, 3): 72.5, (2018, 4): 69.8, (2018, 5): 69.1,
    (2018, 6): 62.0, (2018, 7): 63.2, (2018, 8): 65.5, (2018, 9): 62.0,
}  # fmt: skip
BLACK_FRIDAY = date(2017, 11, 24)

SCORES = (1, 2, 3, 4, 5)
SCORES_UNTIL = (0.085, 0.115, 0.195, 0.40, 1.0)
SCORES_UNTIL_IF_LATE = (0.46, 0.54, 0.65, 0.78, 1.0)
# By how content the buyer is: titles, and comments.
COMPLAINT = (
    ("Não recebi", "Péssimo", "Produto errado", "Decepção", "2 meses de espera"),
    (
        "Não recebi o produto e ninguém responde.",
        "Veio outro modelo, quero trocar.",
        "Chegou quebrado.\nJá pedi a devolução e nada.",
        'Na página dizia "original" e não é.',
        "Comprei 2 e recebi só 1.",
        "A loja não atende o telefone",
        "3 meses de espera e nada!",
        "Paguei o frete e tive de buscar no correio",
        "quero meu dinheiro de volta",
    ),
)
DOUBT = (
    ("Bom, mas demorou", "Regular", "Mais ou menos", "Esperava mais"),
    (
        "O produto é bom, a entrega demorou.",
        "Pelo preço eu queria melhor acabamento",
        "A cor é diferente da foto, mas serve.",
        "Falta o manual em português;\no resto está certo.",
        "o tamanho não é bem o da tabela",
        "A embalagem veio aberta.",
        "Serve para o que eu queria, nada mais",
    ),
)
PRAISE = (
    ("Vale a pena", "Ótimo produto", "Entrega rápida", "10", "5 estrelas", "Excelente!"),
    (
        "Chegou antes do combinado, vale a pena!",
        "Produto excelente, igual à foto.",
        "Muito bem embalado. Obrigada pela atenção!",
        "Adorei\nVou comprar de novo\nLoja de confiança",
        'Nota 10, "compra certa"!',
        "100% satisfeita",
        "Já é a terceira compra nesta loja",
        "O presente agradou muito!",
        "fácil de montar",
        "Bonito, leve e bem acabado.",
        "chegou tudo certo",
        "Qualidade e preço bons, parabéns à loja.",
    ),
)

INSTALMENTS = (1, 2, 3, 4, 5, 6, 7, 8, 10)
INSTALMENTS_UNTIL = (0.332, 0.494, 0.63, 0.722, 0.79, 0.841, 0.862, 0.918, 1.0)
