"""agent.toml: mistakes are told where they stand. The template is held to the program by test_docs.py."""

from pathlib import Path

import pytest

from bridge_common.config import load
from bridge_common.errors import ConfigError
from magento_agent.config import DEFAULT_ROUTES, AgentConfig, Outbox

NEEDED = """
[agent]
site = "shop1"
[magento]
base_url = "https://shop.example.com/"
token_file = "token"
[outbox]
database = "magento"
password_file = "password"
"""


def test_a_base_url_loses_its_last_slash(tmp_path: Path) -> None:
    assert parse(tmp_path, NEEDED).magento.base_url == "https://shop.example.com"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('site = "shop1"', 'site = "shop/1"', "agent.site: String should match pattern"),
        ("https://shop.example.com/", "shop.example.com", "must begin with https:// or http://"),
        ("https://shop.example.com/", "https://shop.example.com/rest", "must not contain /rest"),
        ("database =", "databse =", "Did you mean 'database'?"),
        ("[agent]", '[gateway]\nallow = [["GET", "/V2/x"]]\n[agent]', "must begin with /V1/"),
        ("[agent]", '[gateway]\nallow = [["PATCH", "/V1/x"]]\n[agent]', "'GET', 'POST', 'PUT' or 'DELETE'"),
        ("[outbox]", '[outbox.owner]\nuser = "magento"\n[outbox]', "set either user and password_file, or env_php"),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(tmp_path, NEEDED.replace(old, new))
    assert told in caught.value.sentence()
    assert f"{tmp_path}/agent.toml:" in caught.value.sentence()


POLLED = NEEDED[: NEEDED.index("[outbox]")] + "[polling]\n"


@pytest.mark.parametrize("text", [NEEDED + "[polling]\n", POLLED.replace("[polling]", "")], ids=["both", "neither"])
def test_changes_are_captured_in_one_way(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"set either \[outbox\], for triggers in the shop's database, or \[polling\]"
    ):
        parse(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("since = 2026-01-31T00:00:00", "since needs an offset"),
        ('lists = ["orders", "prices"]', "polling.lists.1"),
        ("page_size = 301", "polling.page_size"),
        ("[polling.webhooks]\nport = 8441", "would accept forged events"),
    ],
)
def test_a_mistake_about_polling_is_told(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse(tmp_path, POLLED + line)


def test_both_ways_share_what_the_relay_needs(tmp_path: Path) -> None:
    assert parse(tmp_path, POLLED).relay == parse(tmp_path, POLLED).polling
    assert parse(tmp_path, NEEDED).relay == parse(tmp_path, NEEDED).outbox


def test_the_table_name_has_the_shops_prefix() -> None:
    section = Outbox(database="magento", password_file=Path("x"), table_prefix="m2_")
    assert section.table == "m2_bng_outbox"


def test_the_default_list_holds_no_dangerous_call() -> None:
    assert not [route for route in DEFAULT_ROUTES if route[0] == "DELETE"]
    # These exist in Magento, and do harm: see the ledger of its traps.
    assert not {"/V1/shipment/", "/V1/creditmemo/refund", "/V1/orders"} & {
        path for method, path in DEFAULT_ROUTES if method != "GET"
    }


def parse(folder: Path, text: str) -> AgentConfig:
    path = folder / "agent.toml"
    path.write_text(text)
    return load(path, AgentConfig)
