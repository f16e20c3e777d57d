"""Magento's documents as shapes: by our own description, or by the shop's `/rest/all/schema`."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bng_bridge.mapping.shapes import ANY, INTEGER, SCALARS, TEXT, Shape, list_of
from bridge_common import decimal_json
from bridge_common.errors import ConfigError

MODELS = {
    "order": "sales-data-order-interface",
    "customer": "customer-data-customer-interface",
    "product": "catalog-data-product-interface",
    "stock_item": "catalog-inventory-data-stock-item-interface",
    "source_item": "inventory-api-data-source-item-interface",
    "shipment": "sales-data-shipment-interface",
    "invoice": "sales-data-invoice-interface",
    "creditmemo": "sales-data-creditmemo-interface",
    "transaction": "sales-data-transaction-interface",
}
"""What a mapping file calls a document, and what the shop's schema does."""

BODIES = {
    "ship": "/V1/order/{orderId}/ship",
    "invoice_order": "/V1/order/{orderId}/invoice",
    "refund_order": "/V1/order/{orderId}/refund",
}
DOCUMENTS = (*MODELS, *BODIES)

_FILE = Path(__file__).with_name("magento.yaml")
_KINDS = {"string": TEXT, "integer": INTEGER, "number": SCALARS["number"], "boolean": SCALARS["flag"]}
_ATTRIBUTE = "framework-attribute-interface"


def described_names() -> tuple[str, ...]:
    """Documents, bodies and their parts."""
    return tuple(_described())


def default_shape(name: str) -> Shape:
    """A document of magento.yaml. Raises KeyError."""
    return _described()[name]


@cache
def _described() -> Mapping[str, Shape]:
    description = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    shapes = {
        name: Shape(entry.get("kind", "object"), f"magento/{name}", required=set(entry.get("required", "").split()))
        for name, entry in description.items()
    } | {"anything": ANY}
    for name, entry in description.items():
        _fill(shapes[name].fields, entry, shapes)
    return shapes


def _fill(fields: dict[str, Shape], entry: Mapping[str, Any], shapes: Mapping[str, Shape]) -> None:
    for kind, shape in (*SCALARS.items(), ("texts", list_of(TEXT)), ("integers", list_of(INTEGER))):
        fields.update(dict.fromkeys(entry.get(kind, "").split(), shape))
    for name, inner in entry.get("nested", {}).items():
        fields[name] = list_of(shapes[inner[0]]) if isinstance(inner, list) else shapes[inner]


class ShopSchema:
    """The models of one shop, as it describes them itself. Its extension attributes are in it, its custom ones are not."""

    def __init__(self, file: Path) -> None:
        try:
            text = file.read_bytes()
            self._swagger = decimal_json.loads(text)
            self._definitions = self._swagger["definitions"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{file} is no schema of a shop: {error}", hint="magento-agent schema -o FILE saves it."
            ) from error
        self.digest = hashlib.sha256(text).hexdigest()
        self._file = file
        self._made: dict[str, Shape] = {}

    def shape(self, name: str) -> Shape:
        """A part by our own description. Raises ConfigError for a document that the shop lacks."""
        if name not in DOCUMENTS:
            return default_shape(name)
        path = BODIES.get(name)
        try:
            if path is None:
                return self._model(MODELS[name], f"magento/{name}")
            parameters = self._swagger["paths"][path]["post"]["parameters"]
            (body,) = (each["schema"] for each in parameters if each["in"] == "body")
            return self._object(body, Shape("object", f"magento/{name}"))
        except (KeyError, ValueError) as error:
            raise ConfigError(f"{self._file} has no {path or MODELS[name]}") from error

    def _model(self, model: str, name: str) -> Shape:
        if model not in self._made:
            # Before it is filled: a transaction contains transactions.
            self._made[model] = shape = Shape("object", name)
            self._object(self._definitions[model], shape)
        return self._made[model]

    def _object(self, schema: Mapping[str, Any], shape: Shape) -> Shape:
        shape.required.update(schema.get("required") or ())
        for name, described in (schema.get("properties") or {}).items():
            shape.fields[name] = self._shape(described, shape.name, name)
        return shape

    def _shape(self, described: Mapping[str, Any], owner: str, name: str) -> Shape:
        if "$ref" in described:
            model = described["$ref"].rpartition("/")[2]
            return self._model(model, model)
        if described.get("type") != "array":
            return _KINDS.get(described.get("type", ""), ANY)
        items = described.get("items") or {}
        if str(items.get("$ref", "")).endswith(_ATTRIBUTE):
            return _attributes(owner, name)
        return list_of(self._shape(items, owner, name))


def _attributes(owner: str, name: str) -> Shape:
    """Magento's own custom attributes; the shop's are named in the mapping file."""
    known = _described()
    default = known.get(owner.removeprefix("magento/"), ANY).fields.get(name)
    return default or known["customer_attributes"]
