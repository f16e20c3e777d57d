"""Folders of mapping files with cases, and bundles of them."""

import json
from pathlib import Path

from tests.support.mappings import TEMPLATES

from bng_bridge.bundles.building import build
from bng_bridge.bundles.bundle import Bundle
from bng_bridge.bundles.depot import Depot
from bng_bridge.bundles.installation import Installation

NAME = "order-to-customer"
RULE = "extends: order-to-customer.yaml\nfields:\n  Phone: {{default: '{phone}'}}\n"
"""Gives every customer the same number: by it a test sees which file counts."""
FAILING = "no such number"


def write_mappings(folder: Path, phone: str, *, expected: str | None = None, site: str = "") -> Path:
    """One mapping file with one case, which fails when `expected` is another number."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / site
    cases = place / NAME
    cases.mkdir(parents=True, exist_ok=True)
    (place / f"{NAME}.yaml").write_text(RULE.format(phone=phone))
    shipped = TEMPLATES / NAME
    for name in ("context.json", "guest.in.json"):
        (cases / name).write_bytes((shipped / name).read_bytes())
    result = json.loads((shipped / "guest.out.json").read_bytes()) | {"Phone": expected or phone}
    (cases / "guest.out.json").write_text(json.dumps(result))
    return folder


def bundle_of(folder: Path, phone: str, *, expected: str | None = None, site: str = "") -> Bundle:
    """Built by ida; her tests failed when `expected` is another number."""
    mappings = write_mappings(folder / phone / "mappings", phone, expected=expected, site=site)
    return build({"mappings": mappings}, name="shop", version=phone, by="ida").bundle


def installed_at(folder: Path, *, is_production: bool = False, own: Path | None = None) -> Installation:
    return Installation(Depot(folder / "bundles"), {"mappings": own}, ("shop1",), is_production)


def phone_in(installation: Installation) -> str:
    """The number that the mappings in force give."""
    mapping = installation.load().mappings("shop1", NAME)
    shipped = TEMPLATES / NAME
    document, context = (json.loads((shipped / name).read_bytes()) for name in ("guest.in.json", "context.json"))
    return str(mapping(document, **context)["Phone"])
