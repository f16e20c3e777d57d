"""What a shop is like, before it goes live: its stores, and the values that its last orders have, as tables for a mapping.

Only read. A value is what the shop says; what BNG calls it somebody has to write down, and a table in force that has it
already is shown as it is.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bng_bridge.admin.bridge import Bridge
from bng_bridge.config import Site
from bng_bridge.magento.listing import Listing, newest

MAPPING = "order-to-sales-order"
ORDERS = Listing(
    "/V1/orders",
    "entity_id,store_id,state,status,order_currency_code,payment[method,last_trans_id],"
    "extension_attributes[shipping_assignments[shipping[method]]]",
)
TABLES = {"state": "order_status", "status": "status", "payment_method": "payment_method", "carrier": "ship_via"}
"""By what is seen, what its table is called where no table in force has any of the values."""


@dataclass
class Seen:
    """Values and how many orders have them; of payment methods also how many have a transaction."""

    orders: int = 0
    values: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in (*TABLES, "currency")})
    stores: Counter[str] = field(default_factory=Counter)
    with_transaction: Counter[str] = field(default_factory=Counter)

    def add(self, order: dict[str, Any]) -> None:
        payment = order.get("payment") or {}
        method = str(payment.get("method") or "")
        self.orders += 1
        self.stores[str(order.get("store_id"))] += 1
        self.with_transaction[method] += bool(payment.get("last_trans_id"))
        found = {"state": order.get("state"), "status": order.get("status"), "payment_method": method,
                 "carrier": _carrier(order), "currency": order.get("order_currency_code")}  # fmt: skip
        for name, value in found.items():
            self.values[name][str(value or "")] += 1


async def discover(bridge: Bridge, name: str, orders: int) -> dict[str, Any]:
    """{"site", "orders", "stores", "seen", "currencies", "remarks", "yaml"}. Raises what the shop's client raises."""
    client, site = bridge.context.magento[name], bridge.config.sites[name]
    configs = await client.get_list("/V1/store/storeConfigs")
    seen = Seen()
    for order in await newest(client, ORDERS, orders):
        seen.add(order)
    tables = bridge.context.mappings.current.mappings(name, MAPPING).tables
    proposed = {what: _proposed(what, seen.values[what], tables) for what in TABLES}
    stores = [_store(config, seen) for config in configs]
    return {
        "site": name, "orders": seen.orders, "stores": stores, "currencies": dict(seen.values["currency"]),
        "seen": proposed, "remarks": list(_remarks(name, site, stores, seen)), "yaml": yaml_of(proposed),
    }  # fmt: skip


def yaml_of(proposed: Mapping[str, dict[str, Any]]) -> str:
    """As it stands in a mapping file. What no table has yet says so, and has the shop's own value."""
    lines = ["tables:"]
    for what, table in proposed.items():
        where = f"table {table['table']} in force" if table["is_in_force"] else "no table in force has any of these"
        lines += [f"  # {what.replace('_', ' ')}: {where}", f"  {table['table']}:"]
        for value in table["values"]:
            remark = f"{value['orders']} orders" + ("" if value["is_mapped"] else ", not mapped yet")
            lines.append(f"    {_quoted(value['value'])}: {_quoted(value['target'])}  # {remark}")
    return "\n".join(lines) + "\n"


def _proposed(what: str, values: Counter[str], tables: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """A table in force that has one of the values is the one for them."""
    name = next((name for name, table in tables.items() if table.keys() & values.keys()), None)
    table = tables[name] if name is not None else {}
    return {
        "table": name or TABLES[what], "is_in_force": name is not None,
        "values": [
            {"value": value, "orders": count, "is_mapped": value in table, "target": table.get(value, value)}
            for value, count in values.most_common() if value
        ],
    }  # fmt: skip


def _store(config: dict[str, Any], seen: Seen) -> dict[str, Any]:
    return {
        "id": str(config.get("id")), "code": str(config.get("code")), "website_id": str(config.get("website_id")),
        "currency": str(config.get("base_currency_code")), "time_zone": str(config.get("timezone")),
        "locale": str(config.get("locale")), "orders": seen.stores[str(config.get("id"))],
    }  # fmt: skip


def _remarks(name: str, site: Site, stores: list[dict[str, Any]], seen: Seen) -> Iterator[str]:
    """What bridge.toml says otherwise than the shop."""
    table = f"[sites.{name}]"
    zones = sorted({store["time_zone"] for store in stores})
    if len(zones) > 1:
        yield f"The stores have several time zones ({', '.join(zones)}); time_zone of {table} is one: {site.time_zone}."
    elif zones and zones[0] != site.time_zone:
        yield f"The shop's time zone is {zones[0]}; time_zone of {table} is {site.time_zone}: order dates will differ."
    for method, count in seen.values["payment_method"].most_common():
        is_offline, paid = method in site.offline_methods, seen.with_transaction[method]
        if not is_offline and not paid:
            yield (
                f"No order by {method or 'an unknown method'} ({count}) has a transaction: a paid one would wait for it. "
                f"If it is no online payment, add it to offline_methods of {table}."
            )
        if is_offline and paid:
            yield f"{paid} of {count} orders by {method} have a transaction: take it out of offline_methods of {table}."


def _carrier(order: dict[str, Any]) -> str:
    assignments = (order.get("extension_attributes") or {}).get("shipping_assignments") or []
    return next((str((each.get("shipping") or {}).get("method") or "") for each in assignments), "")


def _quoted(text: str) -> str:
    """YAML takes `on`, `1_0` and `a: b` for something else than texts."""
    is_plain = text.replace("_", "a").isalnum() and not text[0].isdigit() and text.lower() not in _WORDS
    return text if is_plain or text.isdecimal() else "'" + text.replace("'", "''") + "'"


_WORDS = {"on", "off", "yes", "no", "y", "n", "true", "false", "null"}
