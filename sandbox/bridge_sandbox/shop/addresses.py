"""Where goods go: two addresses known by name, and any other in Magento's own fields."""

from dataclasses import dataclass, fields
from typing import Any

from bridge_sandbox.shop.directory import REGIONS
from bridge_sandbox.shop.errors import MagentoError


@dataclass(frozen=True)
class Address:
    firstname: str
    lastname: str
    street: str
    city: str
    postcode: str
    country_id: str
    region: str
    region_id: int
    telephone: str
    company: str | None = None


ADDRESSES = {
    "de": Address(
        "Jürgen",
        "Weiß-Grünewald",
        "Straße der Brüder Grimm 3\nSeitenflügel, 2. OG",
        "Köln",
        "50667",
        "DE",
        "Nordrhein-Westfalen",
        88,
        "+49 221 5550123",
    ),
    "us": Address(
        "Shannon",
        "O'Hara",
        '17 Hudson Pl\nApt "4B"',
        "New York",
        "10014-2201",
        "US",
        "New York",
        43,
        "212-555-0147",
    ),
}


def read_address(wanted: Any) -> Address:
    """One of the two known by name, or one in Magento's own fields; raises `MagentoError` for anything else."""
    try:
        if isinstance(wanted, dict):
            known = {field.name: wanted[field.name] for field in fields(Address) if field.name in wanted}
            region = REGIONS[wanted["region_id"]].name
            return Address(**{"region": region, **known, "street": "\n".join(wanted["street"])})
        return ADDRESSES[wanted]
    except (KeyError, TypeError) as error:
        raise MagentoError(400, "The shipping address is missing. Set the address and try again.") from error
