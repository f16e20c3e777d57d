"""How an order was paid: the method, and the transaction of an online payment."""

from typing import Any

from bng_bridge.mapping.money import amount

SEARCHED_TYPES = ("capture", "authorization")


def lacks_transaction(order: dict[str, Any], offline_methods: tuple[str, ...]) -> bool:
    """Paid, by a method that leaves a transaction, and the document does not name it. Raises MappingError."""
    if method(order) in ("", *offline_methods) or amount(order, "total_paid") <= 0:
        return False
    return not _last_transaction(order)


def newest_transaction(transactions: list[dict[str, Any]]) -> str:
    """The id at the payment provider of the newest capture or authorization; '' where there is none."""
    found = [each for each in transactions if each.get("txn_type") in SEARCHED_TYPES and each.get("txn_id")]
    return str(max(found, key=lambda each: int(each["transaction_id"]))["txn_id"]) if found else ""


def transaction_id(order: dict[str, Any], offline_methods: tuple[str, ...]) -> str:
    """As the document names it; '' for an offline method."""
    return "" if method(order) in offline_methods else _last_transaction(order)


def method(order: dict[str, Any]) -> str:
    return str((order.get("payment") or {}).get("method") or "")


def _last_transaction(order: dict[str, Any]) -> str:
    return str((order.get("payment") or {}).get("last_trans_id") or "")
