"""What is wrong with the files of the demo's marketplace, and what they hold altogether."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass
class OlistDefects:
    """How often each defect is in the files; 0 if the files that could hold it were not written.

    Attributes:
        orders_without_items: orders without a row of items.
        orders_without_payment: orders without a row of payments.
        orders_without_review: orders without a row of reviews.
        delivered_without_approval: orders of status delivered without the moment of approval.
        delivered_without_carrier_date: the same, of the carrier.
        delivered_without_delivery_date: the same, of the customer.
        canceled_with_delivery_date: orders of status canceled that the customer got.
        carrier_before_approval: orders that the carrier had before they were approved.
        delivered_before_carrier: orders that the customer had before the carrier.
        reviews_before_purchase: reviews created before the purchase.
        amounts_differ: orders with items and payments whose sums differ by more than 0.01.
        customers_off_the_map: rows of customers whose zip prefix has no point.
        sellers_off_the_map: the same of sellers.
        products_without_category: products without a category.
        products_without_translation: products in a category that the translation lacks.
        products_of_weight_zero: products that weigh 0 g.
        payments_of_value_zero: rows of payments over 0.00.
        payments_without_instalments: rows of payments in 0 instalments.
        repeated_review_ids: review ids that several orders have.
        repeated_review_rows: rows of reviews beyond the first of each such id.
        orders_with_several_reviews: orders with more than one row of reviews.
        comments_over_several_lines: reviews whose title or message holds a line break.
        repeated_points: rows of geolocation that are the same as one before.
        points_abroad: rows of geolocation outside Brazil.
        zips_of_several_spellings: zip prefixes whose city is written in several ways.
    """

    orders_without_items: int = 0
    orders_without_payment: int = 0
    orders_without_review: int = 0
    delivered_without_approval: int = 0
    delivered_without_carrier_date: int = 0
    delivered_without_delivery_date: int = 0
    canceled_with_delivery_date: int = 0
    carrier_before_approval: int = 0
    delivered_before_carrier: int = 0
    reviews_before_purchase: int = 0
    amounts_differ: int = 0
    customers_off_the_map: int = 0
    sellers_off_the_map: int = 0
    products_without_category: int = 0
    products_without_translation: int = 0
    products_of_weight_zero: int = 0
    payments_of_value_zero: int = 0
    payments_without_instalments: int = 0
    repeated_review_ids: int = 0
    repeated_review_rows: int = 0
    orders_with_several_reviews: int = 0
    comments_over_several_lines: int = 0
    repeated_points: int = 0
    points_abroad: int = 0
    zips_of_several_spellings: int = 0


@dataclass
class OlistTotals:
    """What the files hold altogether.

    Attributes:
        rows: of each table written, without the header, by the name of the table.
        items: reais of all items, without freight.
        freight: reais of all items.
        payments: reais of all payments.
        people: distinct customer_unique_id in customers.
        repeat_buyers: those among them with more than one order.
    """

    rows: dict[str, int] = field(default_factory=dict)
    items: Decimal = Decimal("0.00")
    freight: Decimal = Decimal("0.00")
    payments: Decimal = Decimal("0.00")
    people: int = 0
    repeat_buyers: int = 0

    @property
    def gmv(self) -> Decimal:
        """Reais of all items and their freight."""
        return self.items + self.freight
