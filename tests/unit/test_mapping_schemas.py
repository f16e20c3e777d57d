"""The schemas that mapping files are held to: BNG's models, our description of Magento's, and a shop's own."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.mappings import TEMPLATES, mistakes
from tests.support.orders import order

from bng_bridge.flow_files.flow_file import load as load_flow
from bng_bridge.mapping import bng_entities
from bng_bridge.mapping.bng_entities import ENTITIES
from bng_bridge.mapping.bng_shapes import bng_shape
from bng_bridge.mapping.findings import Finding, MappingFileError
from bng_bridge.mapping.magento_shapes import BODIES, MODELS, ShopSchema, default_shape
from bng_bridge.mapping.mapping_file import load
from bng_bridge.mapping.schemas import Schemas
from bng_bridge.mapping.shapes import Shape
from bridge_common.errors import ConfigError
from bridge_sandbox.bng.entities import ENTITIES as SANDBOX_S
from bridge_sandbox.bng.entities import PARTS

SWAGGER = "swagger-all.json"


def test_bng_s_shapes_are_those_of_its_models() -> None:
    shape = bng_shape("sales_order", is_target=True)
    assert shape.required == {"CustomerID", "OrderDate", "Currency", "Lines", "Total"}
    assert (shape.fields["Total"].kind, shape.fields["OrderDate"].kind) == ("money", "date")
    assert shape.fields["OrderStatus"].choices == (10, 20, 30, 40, 50, 90)
    line = shape.fields["Lines"].item
    assert line is not None
    assert (line.fields["Quantity"].kind, line.fields["SKU"].most) == ("quantity", 64)
    assert "Version" not in shape.fields
    assert "Version" in bng_shape("sales_order", is_target=False).fields


@pytest.mark.parametrize("entity", SANDBOX_S, ids=lambda each: each.name)
def test_bng_s_models_have_the_fields_of_the_sandbox_bng(entity: Any) -> None:
    """Those that a client writes, and those that only BNG does; lines, too."""
    (name,) = (name for name, model in ENTITIES.items() if model.__name__ == entity.name)
    shape = bng_shape(name, is_target=True)
    assert set(shape.fields) == {"ExternalID", *entity.own}
    assert shape.required == {field for field, described in entity.own.items() if described.required}
    assert set(bng_shape(name, is_target=False).fields) == {*entity.shape.fields, *entity.shape.ignored}


@pytest.mark.parametrize("part", PARTS, ids=lambda each: each.name)
def test_the_parts_of_bng_s_models_have_the_fields_of_the_sandbox_bng(part: Any) -> None:
    model = getattr(bng_entities, part.name)
    assert set(model.model_fields) == {*part.fields, *part.ignored}
    assert {name for name, field in model.model_fields.items() if field.is_required()} == {
        name for name, field in part.fields.items() if field.required
    }


def test_a_model_takes_what_the_program_sends() -> None:
    body = load(TEMPLATES / "order-to-sales-order.yaml")(
        order(), external_id="x", customer_id="C", time_zone="UTC", transaction_id=""
    )
    made = ENTITIES["sales_order"].model_validate(body)
    assert made.model_dump()["Total"] == Decimal("28.78")


def test_what_is_no_schema_of_a_shop_is_said(tmp_path: Path) -> None:
    for text in ("", "{}", "[]", '{"definitions": {}}'):
        (tmp_path / "schema.json").write_text(text)
        with pytest.raises(ConfigError, match=r"is no schema of a shop|has no sales-data-order"):
            ShopSchema(tmp_path / "schema.json").shape("order")


def test_a_shop_s_own_fields_are_known_by_its_schema(tmp_path: Path) -> None:
    attribute = {"type": "array", "items": {"$ref": "#/definitions/framework-attribute-interface"}}
    definitions = {
        MODELS["product"]: {
            "properties": {
                "sku": {"type": "string"}, "bng_code": {"type": "string"}, "custom_attributes": attribute,
                "extension_attributes": {"$ref": "#/definitions/own"},
            },
            "required": ["sku"],
        },
        "own": {"properties": {"shelf": {"type": "integer"}}},
    }  # fmt: skip
    file = tmp_path / "schema.json"
    file.write_text(json.dumps({"definitions": definitions, "paths": {}}))
    schemas = Schemas(shop=ShopSchema(file))
    head = "source: magento/product\ntarget: bng/product\npartial: true\n"
    body = (
        "fields:\n  Name: product.bng_code\n  Category: product.extension_attributes.shelf\n"
        "  Cost: number(product.custom_attributes.cost)\n"
    )
    assert mistakes(body, head=head, schemas=schemas) == []
    assert len(mistakes(body, head=head)) == 2
    (finding,) = mistakes("fields: {Name: product.name}\n", head=head, schemas=schemas)
    assert "magento/product has no field name" in finding


@pytest.fixture
def shop() -> ShopSchema:
    folder = os.environ.get("MAGENTO_RECORDINGS")
    if not folder:
        pytest.skip("MAGENTO_RECORDINGS is not set")
    return ShopSchema(Path(folder, SWAGGER))


@pytest.mark.parametrize("name", [*MODELS, *BODIES])
def test_what_we_describe_of_magento_a_real_one_has(shop: ShopSchema, name: str) -> None:
    assert list(compared(default_shape(name), shop.shape(name), name, set())) == []


def compared(ours: Shape, real: Shape, path: str, seen: set[str]) -> list[str]:
    """Fields of ours that the real one does not have, or has of another kind."""
    if ours.kind == "list" and real.kind == "list":
        assert ours.item is not None
        assert real.item is not None
        return compared(ours.item, real.item, f"{path}[]", seen)
    if ours.kind != real.kind and "any" not in (ours.kind, real.kind):
        return [f"{path}: {ours.kind}, really {real.kind}"]
    if ours.kind != "object" or ours.name in seen:
        return []
    seen.add(ours.name)
    missing = [f"{path}.{name}" for name in ours.fields if name not in real.fields]
    both = [name for name in ours.fields if name in real.fields]
    return missing + [
        found for name in both for found in compared(ours.fields[name], real.fields[name], f"{path}.{name}", seen)
    ]


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_templates_are_clean_by_a_real_magento_s_schema(shop: ShopSchema, path: Path) -> None:
    assert load(path, schemas=Schemas(shop=shop))


def test_a_schema_among_the_files_counts_for_them(tmp_path: Path) -> None:
    """Of the site's folder for its own files, of the folder above for all others; what it says is part of what they are."""
    file = "source: magento/order\ntarget: bng/sales_order\npartial: true\nfields:\n  ShipVia: order.%s\n"
    own = tmp_path / "shop1"
    own.mkdir()
    for path, name in (
        (tmp_path / "a.yaml", "gift_note"),
        (own / "b.yaml", "gift_note"),
        (own / "c.yaml", "engraving"),
    ):
        path.write_text(file % name)

    def found(*paths: str) -> list[bool]:
        return [not mistakes_of(tmp_path / path) for path in paths]

    assert found("a.yaml", "shop1/b.yaml", "shop1/c.yaml") == [False, False, False]
    describe(tmp_path / "schema.json", "gift_note")
    assert found("a.yaml", "shop1/b.yaml", "shop1/c.yaml") == [True, True, False]
    describe(own / "schema.json", "engraving")
    assert found("a.yaml", "shop1/b.yaml", "shop1/c.yaml") == [True, False, True]
    before = load(own / "c.yaml").identity
    describe(own / "schema.json", "engraving", "more")
    assert load(own / "c.yaml").identity != before


def describe(file: Path, *fields: str) -> None:
    model = {"properties": {name: {"type": "string"} for name in fields}}
    file.write_text(json.dumps({"definitions": {MODELS["order"]: model}, "paths": {}}))


def mistakes_of(path: Path) -> list[Finding]:
    try:
        load(path)
    except MappingFileError as error:
        return list(error.findings)
    return []


def test_a_flow_is_another_one_under_another_schema(tmp_path: Path) -> None:
    """By its identity an edit is noticed, also one of the schema beside it."""
    (tmp_path / "a.yaml").write_text(
        "on: {event: magento/order, ordered_by: order}\nsteps: [{skip: by hand, when: order.engraving == 'x'}]\n"
    )
    with pytest.raises(MappingFileError, match="no field engraving"):
        load_flow(tmp_path / "a.yaml")
    describe(tmp_path / "schema.json", "engraving")
    before = load_flow(tmp_path / "a.yaml").identity
    describe(tmp_path / "schema.json", "engraving", "more")
    assert load_flow(tmp_path / "a.yaml").identity != before
