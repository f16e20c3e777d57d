"""Functions of an installed package, by entry point."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.mappings import compiled, mistakes

from bng_bridge.mapping.functions import library
from bridge_common.errors import ConfigError, MappingError

CODE = '''\
from decimal import Decimal
from bridge_common.errors import MappingError

def vat_country(number: str, default: str = "DE") -> str:
    """The country that a VAT number begins with."""
    if not number[:2].isalpha():
        raise MappingError(f"{number} has no country", hint="Correct it in the shop.")
    return number[:2] or default

def broken(number: str) -> str:
    return number.nonsense

def untyped(number: complex) -> str:
    return ""
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed distribution with one module; its entry points are what a test writes."""
    (tmp_path / "acme_mapping.py").write_text(CODE)
    info = tmp_path / "acme_mapping-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-mapping\nVersion: 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    library.functions.cache_clear()
    yield info / "entry_points.txt"
    library.functions.cache_clear()
    sys.modules.pop("acme_mapping", None)


def offer(entry_points: Path, *lines: str) -> None:
    entry_points.write_text("\n".join([f"[{library.GROUP}]", *lines]))


def test_a_function_of_an_installed_package_is_called(package: Path) -> None:
    offer(package, "vat_country = acme_mapping:vat_country")
    made = compiled("fields: {ShipVia: vat_country(order.billing_address.vat_id)}\n")
    assert made({"billing_address": {"vat_id": "ATU123"}}) == {"ShipVia": "AT"}
    assert made({}) == {"ShipVia": None}
    with pytest.raises(MappingError, match=r"^ShipVia: 12 has no country \(orders.yaml:4\)$") as raised:
        made({"billing_address": {"vat_id": "12"}})
    assert raised.value.hint == "Correct it in the shop."


def test_its_arguments_are_checked_when_the_file_is_loaded(package: Path) -> None:
    offer(package, "vat_country = acme_mapping:vat_country")
    (finding,) = mistakes("fields: {ShipVia: vat_country(order.grand_total)}\n")
    assert "vat_country() wants text as number, this is of the kind number" in finding


def test_a_bug_in_it_stays_a_bug(package: Path) -> None:
    offer(package, "broken = acme_mapping:broken")
    with pytest.raises(AttributeError):
        compiled("fields: {ShipVia: broken(order.state)}\n")({"state": "new"})


@pytest.mark.parametrize(
    "line", ["upper = acme_mapping:vat_country", "missing = acme_mapping:missing", "untyped = acme_mapping:untyped"]
)
def test_one_that_cannot_be_used_is_refused_by_name(package: Path, line: str) -> None:
    offer(package, line)
    with pytest.raises(ConfigError, match=f"the plug-in function {line.split(maxsplit=1)[0]} "):
        compiled("fields: {}\n")
