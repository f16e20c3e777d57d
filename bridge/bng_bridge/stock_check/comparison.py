"""BNG's list of stock beside the shop's, a page at a time: what agrees, and why the rest does not.

Nothing is locked: what looks different while something is on its way is looked at again at the end.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bng_bridge import bindings, inbox, intents
from bng_bridge.bng.unreadable import Unreadable, reading
from bng_bridge.flow_files.records import STATE
from bng_bridge.flows import keys
from bng_bridge.flows.context import Context
from bng_bridge.flows.stock import stock_for_shop
from bng_bridge.magento.target import source_reference
from bng_bridge.stock_check.asking import expected_quantity, running_for
from bng_bridge.stock_check.quantities import products, quantities
from bng_bridge.stock_check.report import UNEXPLAINED, Difference, Report
from bridge_common.errors import NotReady, PermanentError, TargetPaused

PAGE = 100
Item = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    context: Context
    site: str
    report: Report

    async def first_look(self) -> list[Item]:
        """What differs, or cannot be told yet: to be looked at again. Raises what BNG and the shop raise."""
        suspects: list[Item] = []
        async for page in self._pages():
            beside = await self._beside(page)
            missing = [item["SKU"] for item, shop in beside if shop is None]
            unsold = set(missing) - await products(self.context.magento[self.site], missing)
            self.report.not_sold += len(unsold)
            for item, shop in beside:
                self.report.compared += 1
                if item["SKU"] not in unsold and not await self._is_right(item, shop):
                    suspects.append(item)
                    self.report.suspects += 1
        return suspects

    async def second_look(self, suspects: list[Item]) -> list[Item]:
        """Those that nothing explains; the report tells of all that differ."""
        unexplained: list[Item] = []
        for start in range(0, len(suspects), PAGE):
            for item, shop in await self._beside(suspects[start : start + PAGE]):
                try:
                    with reading(_name(item)):
                        difference = await self._difference(item, shop)
                except Unreadable as error:
                    difference = Difference(
                        item["SKU"],
                        item["Warehouse"],
                        self._source(item),
                        "",
                        "",
                        _text(shop),
                        f"unreadable: {error.message}",
                    )
                if difference is None:
                    continue
                self.report.add(difference)
                if difference.why == UNEXPLAINED:
                    unexplained.append(item)
        return unexplained

    def key_of(self, item: Item) -> list[str]:
        """The target keys under which its quantity may be bound."""
        reference = source_reference(item["SKU"], self._source(item))
        return [keys.stock_key(self.site, reference), keys.stock_item_key(self.site, item["SKU"])]

    def _source(self, item: Item) -> str:
        return self.context.sites[self.site].sources[item["Warehouse"]]

    async def _pages(self) -> AsyncIterator[list[Item]]:
        """Of the warehouses that the site shows."""
        page: list[Item] = []
        sources = self.context.sites[self.site].sources
        async for item in self.context.bng.pages("inventory-items"):
            if item.get("SKU") and item.get("Warehouse") in sources and not item.get("Deleted"):
                page.append(item)
            if len(page) == PAGE:
                yield page
                page = []
        yield page

    async def _beside(self, items: Iterable[Item]) -> list[tuple[Item, Decimal | None]]:
        wanted = {(item["SKU"], self._source(item)): item for item in items}
        found = await quantities(self.context.magento[self.site], wanted)
        return [(item, found.get(each)) for each, item in wanted.items()]

    async def _is_right(self, item: Item, shop: Decimal | None) -> bool:
        """One that cannot be read is looked at once more, and then told of."""
        try:
            with reading(_name(item)):
                return await self._agrees(item, shop)
        except Unreadable:
            return False

    async def _agrees(self, item: Item, shop: Decimal | None) -> bool:
        """As the bridge left it, and BNG has not touched it since; or else as it would be written now."""
        if shop is not None and shop == _plain(item, self._policy) and self._is_as_written(item, shop):
            self.report.agree += 1
            return True
        try:
            expected = await expected_quantity(running_for(self.context, self.site, item))
        except TargetPaused:
            raise
        except (NotReady, PermanentError):
            return False
        if expected is None or expected != shop:
            return False
        self.report.agree += 1
        if (why := await self._reason(item)) and shop != _plain(item, self._policy):
            self.report.add(self._told(item, expected, shop, why))
        return True

    @property
    def _policy(self) -> str:
        return self.context.sites[self.site].stock_policy

    def _is_as_written(self, item: Item, shop: Decimal) -> bool:
        bound = next(filter(None, (bindings.get(self.context.read, key) for key in self.key_of(item))), None)
        if bound is None or not bound.digest or "quantity" not in bound.facts:
            return False
        same_state = all(bound.facts.get(name) == item.get(name) for name in STATE)
        return same_state and Decimal(str(bound.facts["quantity"])) == shop

    async def _difference(self, item: Item, shop: Decimal | None) -> Difference | None:
        """None when it agrees by now."""
        expected, why = None, self._waiting(item)
        try:
            expected = await expected_quantity(running_for(self.context, self.site, item))
        except TargetPaused:
            raise
        except NotReady:
            why = why or "pending"
        except PermanentError as error:
            why = why or f"refused: {error.message}"
        if expected == shop and not why.startswith("refused"):
            self.report.agree += 1
            return None
        return self._told(item, expected, shop, why or UNEXPLAINED)

    def _waiting(self, item: Item) -> str:
        """What is on its way for this item, or lies in the dead letters."""
        if any(intents.get(self.context.read, key) for key in self.key_of(item)):
            return "pending"
        entity_id = f"{item['Warehouse']}|{item['SKU']}"
        found = inbox.select(self.context.read, "of_entity", source="bng", entity="stock", entity_id=entity_id, site="")
        states = {row["state"] for row in found}
        return "pending" if states & {"pending", "processing"} else "dead letter" if "dead" in states else ""

    async def _reason(self, item: Item) -> str:
        """Why what is right in the shop is another number than BNG's."""
        running = running_for(self.context, self.site, item)
        stock = await stock_for_shop(running, item["SKU"], item["Warehouse"])
        if stock is None or not (stock["not_shipped_in_shop"] or stock["taken"] or stock["reserved"]):
            return ""
        return "shipment not in shop" if stock["not_shipped_in_shop"] else "open orders"

    def _told(self, item: Item, expected: Decimal | None, shop: Decimal | None, why: str) -> Difference:
        bng = _plain(item, self._policy)
        return Difference(
            item["SKU"], item["Warehouse"], self._source(item), _text(bng), _text(expected), _text(shop), why
        )


def _name(item: Item) -> str:
    return f"the stock of {item['SKU']} in {item['Warehouse']}, or an order or shipment that belongs to it,"


def _plain(item: Item, policy: str) -> Decimal:
    """BNG's own number."""
    return Decimal(str(item["QuantityAvailable" if policy == "compensate" else "QuantityOnHand"]))


def _text(quantity: Decimal | None) -> str:
    return "" if quantity is None else f"{quantity.normalize():f}"
