"""Counts what is written for the demo's marketplace, row by row, from the rows themselves."""

from collections import Counter
from decimal import Decimal

from demo.olist.catalogue import Product, Seller
from demo.olist.defects import OlistDefects, OlistTotals
from demo.olist.geography import Points
from demo.olist.market import Marketplace
from demo.olist.orders import Order, Review
from demo.olist.people import Customer
from demo.olist.timeline import Timeline
from demo.olist.words import UNTRANSLATED

_MANY = 255


class Tally:
    """The counts so far; a byte for each person is all that grows with the marketplace."""

    def __init__(self, market: Marketplace, day: int) -> None:
        """Begin at zero.

        Args:
            market: whose files are written.
            day: the last one of which there are orders.
        """
        self.defects = OlistDefects()
        self._rows: Counter[str] = Counter()
        self._cents = {"items": 0, "freight": 0, "payments": 0}
        self._known_zips = market.geography.known_zips
        self._shared: set[str] = set()
        self._orders_of_person = bytearray(market.orders_until(day))

    def totals(self) -> OlistTotals:
        """The sums so far."""
        return OlistTotals(
            rows=dict(self._rows),
            items=Decimal(self._cents["items"]).scaleb(-2),
            freight=Decimal(self._cents["freight"]).scaleb(-2),
            payments=Decimal(self._cents["payments"]).scaleb(-2),
            people=len(self._orders_of_person) - self._orders_of_person.count(0),
            repeat_buyers=sum(count > 1 for count in self._orders_of_person),
        )

    def add_rows(self, table: str, count: int = 1) -> None:
        """Count rows of a table."""
        self._rows[table] += count

    def add_order(self, order: Order) -> None:
        """Count an order and its rows of items, payments and reviews."""
        rows = self._rows
        rows["orders"] += 1
        rows["order_items"] += len(order.items)
        rows["order_payments"] += len(order.payments)
        rows["order_reviews"] += len(order.reviews)
        self._add_moments(order.status, order.timeline)
        self._add_amounts(order)
        self._add_reviews(order)

    def add_customer(self, customer: Customer) -> None:
        """Count a row of customers."""
        self.add_rows("customers")
        self.defects.customers_off_the_map += customer.address.zip_prefix not in self._known_zips
        if self._orders_of_person[customer.person] < _MANY:
            self._orders_of_person[customer.person] += 1

    def add_seller(self, seller: Seller) -> None:
        """Count a row of sellers."""
        self.add_rows("sellers")
        self.defects.sellers_off_the_map += seller.address.zip_prefix not in self._known_zips

    def add_product(self, product: Product) -> None:
        """Count a row of products."""
        self.add_rows("products")
        self.defects.products_without_category += not product.category
        self.defects.products_without_translation += product.category in UNTRANSLATED
        self.defects.products_of_weight_zero += not product.grams

    def add_points(self, points: Points) -> None:
        """Count all points of a zip prefix."""
        self.add_rows("geolocation", len(points.rows))
        self.defects.repeated_points += points.repeated
        self.defects.points_abroad += points.abroad
        self.defects.zips_of_several_spellings += points.spellings > 1

    def _add_moments(self, status: str, timeline: Timeline) -> None:
        _, approved, carried, arrived, _ = timeline
        defects = self.defects
        if status == "delivered":
            defects.delivered_without_approval += approved is None
            defects.delivered_without_carrier_date += carried is None
            defects.delivered_without_delivery_date += arrived is None
        elif status == "canceled":
            defects.canceled_with_delivery_date += arrived is not None
        if carried is not None:
            defects.carrier_before_approval += approved is not None and carried < approved
            defects.delivered_before_carrier += arrived is not None and arrived < carried

    def _add_amounts(self, order: Order) -> None:
        defects, cents = self.defects, self._cents
        items = sum(item.price for item in order.items)
        freight = sum(item.freight for item in order.items)
        paid = sum(payment.value for payment in order.payments)
        cents["items"] += items
        cents["freight"] += freight
        cents["payments"] += paid
        defects.orders_without_items += not order.items
        defects.orders_without_payment += not order.payments
        if order.items and order.payments:
            defects.amounts_differ += abs(items + freight - paid) > 1
        for payment in order.payments:
            defects.payments_of_value_zero += not payment.value
            defects.payments_without_instalments += not payment.instalments

    def _add_reviews(self, order: Order) -> None:
        defects, reviews = self.defects, order.reviews
        defects.orders_without_review += not reviews
        defects.orders_with_several_reviews += len(reviews) > 1
        for review in reviews:
            defects.reviews_before_purchase += review.created < order.timeline.purchased
            defects.comments_over_several_lines += _has_line_break(review)
        if order.partner is not None:
            defects.repeated_review_rows += len(reviews)
            self._shared.update(review.review_id for review in reviews)
            defects.repeated_review_ids = len(self._shared)


def _has_line_break(review: Review) -> bool:
    return "\n" in review.message or "\n" in review.title
