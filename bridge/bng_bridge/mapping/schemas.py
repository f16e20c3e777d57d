"""The schemas of both sides by the names that mapping files use: `magento/order`, `bng/sales_order`."""

from dataclasses import dataclass, replace

from bng_bridge.mapping.bng_entities import ENTITIES
from bng_bridge.mapping.bng_shapes import bng_shape
from bng_bridge.mapping.findings import Position, Wrong, did_you_mean
from bng_bridge.mapping.magento_shapes import DOCUMENTS, ShopSchema, default_shape, described_names
from bng_bridge.mapping.shapes import Shape

NAMES = (*(f"magento/{name}" for name in DOCUMENTS), *(f"bng/{name}" for name in ENTITIES))
"""The documents. Parts of Magento's, such as `magento/order_item`, have names, too: those of magento.yaml."""


@dataclass(frozen=True)
class Schemas:
    """`shop`: the shop's own description of its models, in place of the one that comes with the bridge."""

    shop: ShopSchema | None = None

    def find(self, name: str, at: Position, *, is_target: bool) -> Shape:
        """Raises Wrong for a name that is none of NAMES, nor a part of Magento's documents."""
        side, _, entity = name.partition("/")
        if name not in NAMES and not (side == "magento" and entity in described_names()):
            raise Wrong(
                at, f"there is no schema {name}.", did_you_mean(name, NAMES) or f"There are {', '.join(NAMES)}."
            )
        if side == "bng":
            return bng_shape(entity, is_target=is_target)
        return self.shop.shape(entity) if self.shop else default_shape(entity)


def with_attributes(shape: Shape, own: dict[str, Shape]) -> Shape:
    """The document with custom attributes of the shop's own, wherever it has custom attributes at its top."""
    found = shape.fields.get("custom_attributes")
    if found is None or not own:
        return shape
    attributes = replace(found, fields=found.fields | own)
    return replace(shape, fields=shape.fields | {"custom_attributes": attributes})
