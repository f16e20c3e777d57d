"""Orders as Magento itself would price and show them: generated, by Magento's rules and not by our mapping.

What is modelled, after Magento_Tax, Magento_SalesRule and Magento_Sales: prices with or without tax; tax by unit, row or
total (by total, and for discounts, what rounding lost is carried into the next row); a coupon in percent, on prices with or
without tax, with or without the freight; tax before or after the discount, with the tax that a discount hides
(discount_tax_compensation) where prices are with tax; a second currency, priced by itself; four places in the database; what
REST makes of a row on output.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import strategies as st
from tests.support.orders import ADDRESS

Document = dict[str, Any]
ZERO, CENT, PLACES = Decimal(0), Decimal("0.01"), Decimal("0.0001")


@dataclass(frozen=True)
class Settings:
    """A store's tax settings, and what of the order is not its lines."""

    prices_with_tax: bool
    discount_on_prices_with_tax: bool
    tax_after_discount: bool
    algorithm: str
    coupon: Decimal
    freight: Decimal
    freight_tax: Decimal
    freight_with_tax: bool
    freight_discounted: bool
    rate: Decimal


@dataclass(frozen=True)
class Bought:
    """A cart line. `parts`: (price, how many in one); prices count with a dynamic bundle only."""

    kind: str
    price: Decimal
    quantity: Decimal
    tax: Decimal
    parts: tuple[tuple[Decimal, int], ...] = ()

    @property
    def is_dynamic(self) -> bool:
        return self.kind == "dynamic"


@dataclass
class Priced:
    """A row of sales_order_item, as the database has it: row_total before discount."""

    kind: str
    quantity: Decimal
    price: Decimal = ZERO
    row_total: Decimal = ZERO
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    hidden: Decimal = ZERO
    parts: "list[Priced]" = field(default_factory=list)
    item_id: int = 0

    @property
    def paid(self) -> Decimal:
        return self.row_total - self.discount + self.tax + self.hidden


@dataclass(frozen=True)
class Order:
    """The document, and what the shop's own books say. `paid` is by the item id of each cart line."""

    document: Document
    total: Decimal
    base_total: Decimal
    tax: Decimal
    paid: dict[int, Decimal]
    quantities: dict[int, Decimal]
    credits: Decimal
    unknown: Decimal


class Carry:
    """Rounds to cents and carries the rest into the next amount of the same kind."""

    def __init__(self) -> None:
        self._rests: dict[Any, Decimal] = {}

    def __call__(self, exact: Decimal, key: Any) -> Decimal:
        wanted = exact + self._rests.get(key, ZERO)
        rounded = cents(wanted)
        self._rests[key] = wanted - rounded
        return rounded


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


# ── pricing, in one currency ──


class Pricing:
    def __init__(self, settings: Settings, rate: Decimal) -> None:
        self._settings, self._rate = settings, rate
        self._carry = {name: Carry() for name in ("tax", "tax after", "discount")}

    def rows(self, lines: list[Bought]) -> list[Priced]:
        """One for each cart line, with its parts."""
        return [self._line(line) for line in lines]

    def _line(self, line: Bought) -> Priced:
        if not line.is_dynamic:
            row = self._money(line.kind, line.price, line.quantity, line.tax)
            row.parts = [Priced("simple", line.quantity * count) for _, count in line.parts]
            return row
        parts = [self._money("simple", price, line.quantity * count, line.tax) for price, count in line.parts]
        total = sum((part.row_total for part in parts), ZERO)
        tax = sum((part.tax for part in parts), ZERO)
        return Priced("dynamic", line.quantity, cents(total / line.quantity), total, ZERO, tax, parts=parts)

    def _money(self, kind: str, price: Decimal, quantity: Decimal, percent: Decimal) -> Priced:
        return self._priced(
            Priced(kind, quantity), price * self._rate, percent, self._settings.prices_with_tax, is_goods=True
        )

    def freight(self) -> Priced:
        settings = self._settings
        row, price = Priced("freight", Decimal(1)), settings.freight * self._rate
        return self._priced(row, price, settings.freight_tax, settings.freight_with_tax, is_goods=False)

    def _priced(self, row: Priced, price: Decimal, percent: Decimal, with_tax: bool, *, is_goods: bool) -> Priced:
        """Fills the row: tax on the whole, the discount, and the tax on what is left."""
        quantity, price = row.quantity, cents(price)
        shown = price * quantity
        tax = self._tax("tax", shown, quantity, percent, with_tax)
        row.row_total = shown - tax if with_tax else shown
        row.price = self._net_price(row, price, tax) if with_tax else price
        if self._settings.coupon and (is_goods or self._settings.freight_discounted):
            whole = row.row_total + tax if self._discounts_with_tax(with_tax) else row.row_total
            exact = whole * self._settings.coupon / 100
            row.discount = min(self._carry["discount"](exact, "rule") if is_goods else cents(exact), max(whole, ZERO))
        row.tax = tax
        if self._settings.tax_after_discount and row.discount:
            left = max((shown if with_tax else row.row_total) - row.discount, ZERO)
            row.tax = self._tax("tax after", left, quantity, percent, with_tax)
            row.hidden = tax - row.tax if with_tax else ZERO
        return row

    def _discounts_with_tax(self, with_tax: bool) -> bool:
        """Not where prices are without tax and it is reckoned after the discount: rows would fall below 0, and Magento's
        admin warns of these settings."""
        return self._settings.discount_on_prices_with_tax and (with_tax or not self._settings.tax_after_discount)

    def _net_price(self, row: Priced, price: Decimal, tax: Decimal) -> Decimal:
        """By unit it is the price less its tax; else derived back from the row, and rounded."""
        if self._settings.algorithm == "unit":
            return price - tax / row.quantity
        return cents(row.row_total / row.quantity)

    def _tax(self, name: str, amount: Decimal, quantity: Decimal, percent: Decimal, with_tax: bool) -> Decimal:
        rate = percent / (100 + percent) if with_tax else percent / 100
        if self._settings.algorithm == "unit":
            return cents(amount / quantity * rate) * quantity
        exact = amount * rate
        return self._carry[name](exact, percent) if self._settings.algorithm == "total" else cents(exact)


# ── the document ──


def shown(value: Decimal) -> Decimal:
    """As the database keeps it."""
    return value.quantize(PLACES, ROUND_HALF_UP)


_TYPES = {"fixed": "bundle", "dynamic": "bundle"}


def items_of(rows: list[Priced]) -> Iterator[Document]:
    """Parents before their children, as REST shows them."""
    number = 100
    for row in rows:
        number += 1
        row.item_id = number
        yield _item(row, "SOLD", None)
        for part in row.parts:
            number += 1
            part.item_id = number
            yield _item(part, "SOLD" if row.kind == "configurable" else f"PART-{number}", row.item_id)


def _item(row: Priced, sku: str, parent: int | None) -> Document:
    item: Document = {
        "item_id": row.item_id, "product_id": 1000 + row.item_id, "product_type": _TYPES.get(row.kind, row.kind),
        "sku": f"{sku}-{row.item_id}" if parent is None else sku, "name": "Article", "qty_ordered": row.quantity,
        "price": shown(row.price), "discount_amount": shown(row.discount), "tax_amount": shown(row.tax),
        "row_total": max(shown(row.row_total - row.discount), ZERO), "row_total_incl_tax": max(shown(row.paid), ZERO),
    }  # fmt: skip
    if row.kind != "dynamic" and (parent is None or row.price):
        item["discount_tax_compensation_amount"] = shown(row.hidden)
    return item if parent is None else {**item, "parent_item_id": parent}


def money_rows(rows: list[Priced]) -> list[Priced]:
    return [each for row in rows for each in (row.parts if row.kind == "dynamic" else [row])]


def header(rows: list[Priced], freight: Priced) -> dict[str, Decimal]:
    """Magento adds up its totals; the database rounds each to four places."""
    counted = money_rows(rows)
    found = {
        "subtotal": sum((row.row_total for row in counted), ZERO),
        "discount_amount": -sum((row.discount for row in counted), freight.discount),
        "tax_amount": sum((row.tax for row in counted), freight.tax),
        "discount_tax_compensation_amount": sum((row.hidden for row in counted), ZERO),
        "shipping_amount": freight.row_total,
        "shipping_tax_amount": freight.tax,
        "shipping_discount_amount": freight.discount,
        "shipping_discount_tax_compensation_amount": freight.hidden,
    }
    left_out = ("shipping_tax_amount", "shipping_discount_amount")
    return found | {"grand_total": sum((value for name, value in found.items() if name not in left_out), ZERO)}


def priced(
    settings: Settings, lines: list[Bought], *, credit_share: Decimal, credit_place: str, unknown: Decimal
) -> Order:
    """`credit_share` of the total is paid by a gift card, shown in `credit_place`; `unknown` is what no field explains."""
    pricing = Pricing(settings, settings.rate)
    rows, freight = pricing.rows(lines), pricing.freight()
    base = Pricing(settings, Decimal(1))
    base_header = header(base.rows(lines), base.freight())
    amounts = header(rows, freight)
    # The database's places first: sums of what it has rounded would not be the header's.
    total = shown(amounts["grand_total"]) + unknown
    used = cents(max(total, ZERO) * credit_share)
    base_total = shown(base_header["grand_total"]) + (unknown and cents(unknown / settings.rate))
    base_used = cents(max(base_total, ZERO) * credit_share)
    items = list(items_of(rows))
    document = {
        **_rest_of_document(settings), **{name: shown(value) for name, value in amounts.items()}, "items": items,
        **{f"base_{name}": shown(value) for name, value in base_header.items()}, "grand_total": total - used,
        "base_grand_total": base_total - base_used,
    }  # fmt: skip
    credit = {"gift_cards_amount": used, "base_gift_cards_amount": base_used}
    if credit_place == "extension_attributes":
        document["extension_attributes"] = document["extension_attributes"] | credit
    elif credit_place:
        document |= credit
    return Order(
        document, total - used, base_total - base_used, shown(amounts["tax_amount"]),
        {row.item_id: _paid(row) for row in rows}, {row.item_id: row.quantity for row in rows},
        used if credit_place else ZERO, unknown,
    )  # fmt: skip


def _paid(row: Priced) -> Decimal:
    return sum((part.paid for part in row.parts), ZERO) if row.kind == "dynamic" else row.paid


def _rest_of_document(settings: Settings) -> Document:
    return {
        "entity_id": 74, "increment_id": "000000074", "protect_code": "protect-74", "state": "new", "status": "pending",
        "store_id": 1, "created_at": "2026-03-02 10:15:00", "customer_id": 5, "customer_email": "ida@example.com",
        "base_currency_code": "EUR", "order_currency_code": "EUR" if settings.rate == 1 else "USD",
        "base_to_order_rate": settings.rate, "shipping_description": "Flat Rate - Fixed", "billing_address": dict(ADDRESS),
        "payment": {"method": "checkmo"},
        "extension_attributes": {"shipping_assignments": [{"shipping": {"address": dict(ADDRESS)}}]},
    }  # fmt: skip


# ── strategies ──

_PRICES = st.integers(0, 40_000).map(lambda number: Decimal(number) / 100) | st.integers(1, 9_999).map(
    lambda number: Decimal(number) / 1000
)
_PIECES = st.integers(1, 25).map(Decimal)
_WEIGHTS = st.integers(1, 1_000).map(lambda number: Decimal(number) / 100)
_PERCENTS = st.sampled_from([Decimal(text) for text in ("0", "7", "19", "8.375", "20", "5.5")])
_PARTS = st.lists(st.tuples(_PRICES.filter(bool), st.integers(1, 5)), min_size=1, max_size=3).map(tuple)


@st.composite
def _lines(draw: st.DrawFn) -> Bought:
    kind = draw(st.sampled_from(["simple", "simple", "configurable", "fixed", "dynamic", "virtual", "grouped"]))
    quantity = draw(_PIECES | _WEIGHTS) if kind == "simple" else draw(_PIECES)
    line = Bought(kind, draw(_PRICES), quantity, draw(_PERCENTS))
    if kind == "configurable":
        return replace(line, parts=((ZERO, 1),))
    return replace(line, parts=draw(_PARTS)) if kind in _TYPES else line


_SETTINGS = st.builds(
    Settings,
    prices_with_tax=st.booleans(),
    discount_on_prices_with_tax=st.booleans(),
    tax_after_discount=st.booleans(),
    algorithm=st.sampled_from(["unit", "row", "total"]),
    coupon=st.sampled_from([Decimal(text) for text in ("0", "0", "10", "33.33", "100")]),
    freight=st.sampled_from([Decimal(text) for text in ("0", "5", "4.95", "12.34")]),
    freight_tax=_PERCENTS,
    freight_with_tax=st.booleans(),
    freight_discounted=st.booleans(),
    rate=st.sampled_from([Decimal(text) for text in ("1", "1", "1.0832", "0.8571", "151.37")]),
)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Every kind of goods under every setting; one in five has an amount that nothing explains."""
    return priced(
        draw(_SETTINGS),
        draw(st.lists(_lines(), min_size=1, max_size=6)),
        credit_share=draw(st.sampled_from([ZERO, ZERO, Decimal("0.4"), Decimal(1)])),
        credit_place=draw(st.sampled_from(["extension_attributes", "header"])),
        unknown=draw(st.sampled_from([ZERO] * 4 + [Decimal("7.50"), Decimal("-3.00")])),
    )
