"""The schemas of both sides by the names that mapping files use: `magento/order`, `bng/sales_order`."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from bng_bridge.mapping.bng_entities import ENTITIES
from bng_bridge.mapping.bng_shapes import bng_shape
from bng_bridge.mapping.findings import Position, Wrong, did_you_mean
from bng_bridge.mapping.magento_shapes import DOCUMENTS, ShopSchema, default_shape, described_names
from bng_bridge.mapping.shapes import Shape

NAMES = (*(f"magento/{name}" for name in DOCUMENTS), *(f"bng/{name}" for name in ENTITIES))
"""The documents. Parts of Magento's, such as `magento/order_item`, have names, too: those of magento.yaml."""


FILE = "schema.json"
"""What holds a shop's own description of its models, among the files that are made for it."""


@dataclass(frozen=True)
class Schemas:
    """`shop`: the shop's own description of its models, in place of the one that comes with the bridge."""

    shop: ShopSchema | None = None

    def near(self, path: Path) -> "Schemas":
        """For that mapping or flow file: by the FILE beside it or in the folder above, unless a shop was named.

        Raises ConfigError for one that is no schema.
        """
        if self.shop is not None:
            return self
        file = next((each for each in (path.parent / FILE, path.parent.parent / FILE) if each.is_file()), None)
        return Schemas(_read(file, file.stat().st_mtime_ns)) if file else self

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


@lru_cache(maxsize=8)
def _read(file: Path, _changed_ns: int) -> ShopSchema:
    """It is a megabyte, and asked for by every file of its folder."""
    return ShopSchema(file)


def with_attributes(shape: Shape, own: dict[str, Shape]) -> Shape:
    """The document with custom attributes of the shop's own, wherever it has custom attributes at its top."""
    found = shape.fields.get("custom_attributes")
    if found is None or not own:
        return shape
    attributes = replace(found, fields=found.fields | own)
    return replace(shape, fields=shape.fields | {"custom_attributes": attributes})
