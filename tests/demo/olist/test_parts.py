"""The parts of which the demo's marketplace is made: shares, fates, places, written texts."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.olist.fates import PLAIN, SHIPPED, Fates, Oddity
from demo.olist.files import amount, quoted_key, quoted_text
from demo.olist.geography import Geography
from demo.olist.numbers import Shuffle, key, share, spread
from demo.olist.people import People
from demo.olist.places import CITIES

PUBLISHED = 99_441


def test_as_many_orders_as_were_published_have_the_same_fates_as_those():
    fates = Fates(7, PUBLISHED)
    counted = Counter(fates.fate(number) for number in range(PUBLISHED))
    statuses, oddities = Counter(), Counter()
    for fate, count in counted.items():
        statuses[fate.status] += count
        oddities[fate.oddity] += count
    assert statuses == {
        "delivered": 96_478,
        "shipped": 1_107,
        "canceled": 625,
        "unavailable": 609,
        "invoiced": 314,
        "processing": 301,
        "created": 5,
        "approved": 2,
    }
    assert sum(count for fate, count in counted.items() if not fate.has_items) == 775
    assert {oddity: oddities[oddity] for oddity in Oddity if oddity is not Oddity.NONE} == {
        Oddity.NO_REVIEW: 768,
        Oddity.SEVERAL_REVIEWS: 547,
        Oddity.SHARED_REVIEW: 814,
        Oddity.EARLY_REVIEW: 74,
        Oddity.NO_PAYMENT: 1,
        Oddity.NOTHING_PAID: 3,
        Oddity.EMPTY_VOUCHER: 6,
        Oddity.NO_INSTALMENTS: 2,
        Oddity.OTHER_AMOUNT: 303,
        Oddity.CARRIER_BEFORE_APPROVAL: 1_359,
        Oddity.ARRIVED_BEFORE_CARRIER: 23,
    }


@pytest.mark.parametrize("orders", [100, 2_000, 12_345])
def test_whoever_shares_a_review_shares_that_of_a_plain_order(orders):
    fates = Fates(7, orders)
    partners = {number: fates.partner(number) for number in range(orders)}
    sharing = {number: partner for number, partner in partners.items() if partner is not None}
    assert len(sharing) == share(814, orders)
    assert all(fates.fate(partner) is PLAIN for partner in sharing.values())


def test_the_orders_of_a_fate_are_those_that_have_it():
    fates = Fates(7, 2_000)
    shipped = [number for number in range(2_000) if fates.fate(number) is SHIPPED]
    assert sorted(fates.numbers(SHIPPED)) == shipped


@given(size=st.integers(1, 2_000), seed=st.integers(0, 2**40))
def test_a_shuffle_gives_every_place_once_and_finds_the_way_back(size, seed):
    shuffle = Shuffle(size, seed)
    places = [shuffle.place(number) for number in range(size)]
    assert sorted(places) == list(range(size))
    assert [shuffle.number(place) for place in places] == list(range(size))


@given(total=st.integers(0, 10**6), parts=st.integers(1, 500))
def test_a_total_is_spread_without_a_rest_and_evenly(total, parts):
    counts = list(spread(total, parts))
    assert sum(counts) == total
    assert len(counts) == parts
    assert max(counts) - min(counts) <= 1


def test_as_many_orders_as_were_published_have_about_as_many_people_who_come_again():
    people = People(7, PUBLISHED)
    orders_of = Counter(people.person(number) for number in range(PUBLISHED))
    assert abs(len(orders_of) - 96_096) < 100
    assert abs(sum(count > 1 for count in orders_of.values()) - 2_997) < 300


def test_identifiers_of_different_things_differ():
    keys = {key(seed, kind, number) for seed in (1, 11) for kind in "ab" for number in range(1000)}
    assert len(keys) == 4_000


def test_the_cities_stand_in_all_27_states_and_share_no_prefix():
    assert len({city.state for city in CITIES}) == 27
    ranges = sorted((city.first_zip, city.first_zip + city.zips) for city in CITIES)
    overlaps = [(before, after) for before, after in pairwise(ranges) if after[0] < before[1]]
    assert overlaps == []


@pytest.mark.parametrize("orders", [100, 2_000, 3_000_000])
def test_an_address_is_on_the_map_unless_it_is_asked_for_one_that_is_not(orders):
    geography = Geography(7, orders)
    for number in range(300):
        known = geography.address("person", number)
        unknown = geography.address("person", number, known=False)
        assert known.zip_prefix in geography.known_zips
        assert unknown.zip_prefix not in geography.known_zips
        assert known.city == unknown.city
        assert len(unknown.zip_prefix) == 5


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("franca", "franca"),
        ("sant'ana do livramento", "sant'ana do livramento"),
        ("10", "10"),
        ("a, b", '"a, b"'),
        ('nota "10"', '"nota ""10"""'),
        ("um\ndois", '"um\ndois"'),
    ],
)
def test_a_text_is_quoted_as_in_the_published_files(text, written):
    assert quoted_text(text) == written


def test_an_identifier_is_quoted_if_it_begins_with_a_digit():
    assert [quoted_key("0a"), quoted_key("9f"), quoted_key("a0")] == ['"0a"', '"9f"', "a0"]


@pytest.mark.parametrize(("cents", "written"), [(0, "0.00"), (5, "0.05"), (123456, "1234.56")])
def test_an_amount_has_two_decimals(cents, written):
    assert amount(cents) == written
