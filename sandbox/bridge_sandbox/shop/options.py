"""The choices behind a row: `product_options` as the database keeps them, `product_option` as REST shows them.

Option ids are made up but stable: an option of a bundle is its component's place in the whole catalogue, a
value of the configurables' one attribute is the variant's place.
"""

import json
from typing import Any

from bridge_sandbox.catalogue import PRODUCTS
from bridge_sandbox.shop.lines import OrderRow, unit_quantity

ATTRIBUTE_ID = "137"
ATTRIBUTE_LABEL = "Size"

OPTION_IDS = {
    (product.sku, component.sku): number
    for number, (product, component) in enumerate(
        ((product, component) for product in PRODUCTS for component in product.components), start=1
    )
}
VALUE_IDS = {
    variant: number
    for number, variant in enumerate((variant for product in PRODUCTS for variant in product.variants), start=4)
}


def stored_options(row: OrderRow) -> str:
    """The JSON text of sales_order_item.product_options."""
    options: dict[str, Any] = {"info_buyRequest": {"qty": float(row.quantity)}}
    if row.product.kind == "configurable":
        options |= configurable_options(row)
    elif row.product.kind == "bundle":
        options |= bundle_options(row)
    elif row.parent is not None and row.parent.product.kind == "bundle":
        options["bundle_selection_attributes"] = json.dumps(selection(row))
    elif row.options:
        options["info_buyRequest"]["options"] = {str(n): each.value for n, each in enumerate(row.options, start=1)}
        options["options"] = custom_options(row)
    if row.group is not None:
        group = {"product_type": "grouped", "product_code": row.group.sku}
        options["info_buyRequest"]["super_product_config"] = options["super_product_config"] = group
    return json.dumps(options, ensure_ascii=False)


def custom_options(row: OrderRow) -> list[dict[str, Any]]:
    """What the buyer wrote or chose, as the clerk reads it."""
    return [
        {
            "label": each.title,
            "value": each.value,
            "print_value": each.value,
            "option_id": str(number),
            "option_type": "field",
            "option_value": each.value,
            "custom_view": False,
        }
        for number, each in enumerate(row.options, start=1)
    ]


def configurable_options(row: OrderRow) -> dict[str, Any]:
    """The variant that was chosen."""
    variant = row.children[0].product if row.children else row.product
    return {
        "info_buyRequest": {
            "qty": float(row.quantity),
            "super_attribute": {ATTRIBUTE_ID: str(VALUE_IDS[row.sku])},
        },
        "attributes_info": [{"label": ATTRIBUTE_LABEL, "value": variant.name, "option_id": int(ATTRIBUTE_ID)}],
        "simple_name": variant.name,
        "simple_sku": variant.sku,
        "product_calculations": 1,
        "shipment_type": 0,
    }


def bundle_options(row: OrderRow) -> dict[str, Any]:
    """The components, and the two switches: who is priced, and who is shipped."""
    ids = {OPTION_IDS[row.product.sku, child.sku]: child for child in row.children}
    return {
        "info_buyRequest": {
            "qty": float(row.quantity),
            "bundle_option": {str(number): [str(number)] for number in ids},
            "bundle_option_qty": {str(number): float(unit_quantity(child)) for number, child in ids.items()},
        },
        "bundle_options": {
            str(number): {
                "option_id": str(number),
                "label": child.product.name,
                "value": [
                    {
                        "title": child.product.name,
                        "qty": float(unit_quantity(child)),
                        "price": float(child.price),
                    }
                ],
            }
            for number, child in ids.items()
        },
        "product_calculations": 0 if row.product.price_type == "dynamic" else 1,
        "shipment_type": int(row.product.ship_separately),
    }


def selection(row: OrderRow) -> dict[str, Any]:
    """What a bundle's child says about itself."""
    assert row.parent is not None
    return {
        "price": float(row.price),
        "qty": float(unit_quantity(row)),
        "option_label": row.product.name,
        "option_id": str(OPTION_IDS[row.parent.product.sku, row.sku]),
    }


def shown_option(stored: str | None) -> dict[str, Any] | None:
    """`product_option` of a row in a REST document; None where the key is absent."""
    request = json.loads(stored or "{}").get("info_buyRequest", {})
    if chosen := request.get("super_attribute"):
        shown = [{"option_id": option, "option_value": int(value)} for option, value in chosen.items()]
        return {"extension_attributes": {"configurable_item_options": shown}}
    if written := request.get("options"):
        shown_custom = [{"option_id": option, "option_value": value} for option, value in written.items()]
        return {"extension_attributes": {"custom_options": shown_custom}}
    if selections := request.get("bundle_option"):
        quantities = request["bundle_option_qty"]
        shown_bundle = [
            {
                "option_id": int(option),
                "option_qty": int(quantities[option]),
                "option_selections": [int(each) for each in chosen_ids],
            }
            for option, chosen_ids in selections.items()
        ]
        return {"extension_attributes": {"bundle_options": shown_bundle}}
    return None
