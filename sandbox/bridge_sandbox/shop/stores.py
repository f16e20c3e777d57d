"""The shop's stores and their settings, where Magento keeps them. A new shop has one; the admin server opens others."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from bridge_sandbox.shop.documents import Document
from bridge_sandbox.shop.errors import MagentoError
from bridge_sandbox.shop.sequences import create_sequences
from bridge_sandbox.shop.session import Row, Session

TIME_ZONE = "Europe/Berlin"
PATHS = {
    "base_currency": "currency/options/base",
    "currency": "currency/options/default",
    "time_zone": "general/locale/timezone",
    "locale": "general/locale/code",
    "gross_prices": "tax/calculation/price_includes_tax",
    "taxed_freight": "tax/classes/shipping_tax_class",
}
"""What a store can be opened with, and the path of the setting in Magento's configuration."""


@dataclass(frozen=True)
class Store:
    """One store view. `rate` turns its base currency into its own; `full_name` has a line for each level above it."""

    store_id: int
    code: str
    website_id: int
    full_name: str
    base_currency: str = "EUR"
    currency: str = "EUR"
    rate: Decimal = Decimal(1)
    time_zone: str = TIME_ZONE
    locale: str = "de_DE"
    has_gross_prices: bool = False
    taxes_freight: bool = False


def read_stores(session: Session) -> dict[str, Store]:
    """All stores but the admin's, by code."""
    settings: dict[int, dict[str, str]] = {}
    for row in session.rows("store_settings"):
        settings.setdefault(row["scope_id"], {})[row["path"]] = row["value"]
    rates = {(row["currency_from"], row["currency_to"]): row["rate"] for row in session.rows("currency_rates")}
    return {row["code"]: store_of(row, settings.get(row["store_id"], {}), rates) for row in session.rows("stores")}


def store_of(row: Row, settings: Mapping[str, str], rates: Mapping[tuple[str, str], Decimal]) -> Store:
    """A store from its row, its own settings and the table of rates."""
    own = {name: settings[path] for name, path in PATHS.items() if path in settings}
    base, currency = own.get("base_currency", "EUR"), own.get("currency", own.get("base_currency", "EUR"))
    return Store(
        store_id=row["store_id"],
        code=row["code"],
        website_id=row["website_id"],
        full_name="\n".join((row["website_name"], row["group_name"], row["name"])),
        base_currency=base,
        currency=currency,
        rate=rates.get((base, currency), Decimal(1)),
        time_zone=own.get("time_zone", TIME_ZONE),
        locale=own.get("locale", "de_DE"),
        has_gross_prices=own.get("gross_prices") == "1",
        taxes_freight=own.get("taxed_freight") == "1",
    )


def open_store(session: Session, wanted: Document) -> Document:
    """Add a store {"code", "website"?, any of PATHS, "rate"?}; an unknown website is added, too. Raises 400."""
    code = str(wanted.get("code") or "")
    if not code or code in read_stores(session):
        raise MagentoError(400, "A store needs a code of its own.")
    try:
        rate = Decimal(str(wanted.get("rate", 1)))
    except InvalidOperation as error:
        raise MagentoError(400, "The rate is no number.") from error
    with session.transaction():
        website_id, group_id = website_and_group(session, str(wanted.get("website") or "base"))
        fields: Row = {"code": code, "website_id": website_id, "group_id": group_id, "is_active": 1}
        store_id = session.insert("store", {**fields, "name": wanted.get("name") or f"Store {code}"})
        for name, path in PATHS.items():
            if name in wanted:
                setting: Row = {"scope": "stores", "scope_id": store_id, "path": path, "value": text_of(wanted[name])}
                session.insert("core_config_data", setting)
        base = wanted.get("base_currency", "EUR")
        session.execute("set_currency_rate", base, wanted.get("currency", base), rate)
    create_sequences(session, store_id)
    return {"store_id": store_id, "code": code, "website_id": website_id}


def website_and_group(session: Session, code: str) -> tuple[int, int]:
    """The ids of a website and of its store group, both made if need be."""
    found = session.one("website", code)
    if found is not None:
        return found["website_id"], found["default_group_id"]
    website_id = session.insert("store_website", {"code": code, "name": f"Website {code}"})
    group: Row = {"website_id": website_id, "name": f"Group {code}", "code": f"{code}_group"}
    group_id = session.insert("store_group", group)
    session.update("store_website", "website_id", website_id, {"default_group_id": group_id})
    return website_id, group_id


def text_of(value: Any) -> str:
    """As the configuration keeps it: 1 and 0 for yes and no."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def store_configs(session: Session, base_url: str) -> list[Document]:
    """GET /V1/store/storeConfigs: all stores but the admin's."""
    urls = {
        f"{prefix}base_{kind}url": f"{base_url}/{path}"
        for prefix in ("", "secure_")
        for kind, path in (("", ""), ("link_", ""), ("static_", "static/"), ("media_", "media/"))
    }
    return [
        {
            "id": store.store_id,
            "code": store.code,
            "website_id": store.website_id,
            "locale": store.locale,
            "base_currency_code": store.base_currency,
            "default_display_currency_code": store.currency,
            "timezone": store.time_zone,
            "weight_unit": "kgs",
            **urls,
        }
        for store in read_stores(session).values()
    ]
