"""Countries and regions with Magento's ids, as far as the sandbox's addresses need them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Region:
    region_id: int
    country_id: str
    code: str
    name: str


REGIONS = {
    region.region_id: region
    for region in (
        Region(12, "US", "CA", "California"),
        Region(41, "US", "NJ", "New Jersey"),
        Region(43, "US", "NY", "New York"),
        Region(57, "US", "TX", "Texas"),
        Region(79, "DE", "NDS", "Niedersachsen"),
        Region(80, "DE", "BAW", "Baden-Württemberg"),
        Region(81, "DE", "BAY", "Bayern"),
        Region(82, "DE", "BER", "Berlin"),
        Region(83, "DE", "BRG", "Brandenburg"),
        Region(84, "DE", "BRE", "Bremen"),
        Region(85, "DE", "HAM", "Hamburg"),
        Region(86, "DE", "HES", "Hessen"),
        Region(87, "DE", "MEC", "Mecklenburg-Vorpommern"),
        Region(88, "DE", "NRW", "Nordrhein-Westfalen"),
        Region(89, "DE", "RHE", "Rheinland-Pfalz"),
        Region(90, "DE", "SAR", "Saarland"),
        Region(91, "DE", "SAS", "Sachsen"),
        Region(92, "DE", "SAC", "Sachsen-Anhalt"),
        Region(93, "DE", "SCN", "Schleswig-Holstein"),
        Region(94, "DE", "THE", "Thüringen"),
    )
}

COUNTRIES = {
    "DE": ("DEU", "Germany"),
    "AT": ("AUT", "Austria"),
    "CH": ("CHE", "Switzerland"),
    "US": ("USA", "United States"),
}


@dataclass(frozen=True)
class TaxRule:
    """A rate in percent with the code that orders show it under."""

    code: str
    percent: Decimal


GERMAN_TAX = TaxRule("VAT DE 19", Decimal(19))
NEW_YORK_TAX = TaxRule("US-NY-*-Rate 1", Decimal("8.375"))
NO_TAX = TaxRule("none", Decimal(0))


def tax_rule(country_id: str | None, region_id: int | None) -> TaxRule:
    """The tax on goods sent to an address; freight is not taxed."""
    if country_id == "DE":
        return GERMAN_TAX
    if country_id == "US" and region_id == 43:
        return NEW_YORK_TAX
    return NO_TAX


def region_code(region_id: int | None) -> str | None:
    """The code of a region, which the order tables do not keep."""
    region = REGIONS.get(region_id) if region_id else None
    return region.code if region else None


def country_document(country_id: str) -> dict[str, Any] | None:
    """The answer of GET /V1/directory/countries/:id; regions only where the shop knows some."""
    if country_id not in COUNTRIES:
        return None
    three_letters, name = COUNTRIES[country_id]
    document: dict[str, Any] = {
        "id": country_id,
        "two_letter_abbreviation": country_id,
        "three_letter_abbreviation": three_letters,
        "full_name_locale": name,
        "full_name_english": name,
    }
    regions = [
        {"id": str(region.region_id), "code": region.code, "name": region.name}
        for region in REGIONS.values()
        if region.country_id == country_id
    ]
    return document | ({"available_regions": regions} if regions else {})
