"""bridge.toml: a mistake is told with file, line and key, and what is allowed there."""

from pathlib import Path
from typing import Any

import pytest

from bng_bridge.config import BridgeConfig
from bridge_common.config import load, locate, read_secret
from bridge_common.errors import ConfigError

GOOD = """\
[broker]
host = "broker.example.com"

[bng]
base_url = "https://bng.example.com/"
api_key_file = "/run/secrets/bng"

[bng.webhooks]
port = 0

[sites.shop1]
time_zone = "Europe/Berlin"
sources = { MAIN = "default" }
"""


def read(folder: Path, text: str) -> BridgeConfig:
    path = folder / "bridge.toml"
    path.write_text(text)
    return load(path, BridgeConfig)


def mistakes(folder: Path, text: str) -> list[str]:
    """The sentences, without the folder's name."""
    with pytest.raises(ConfigError) as wrong:
        read(folder, text)
    assert wrong.value.exit_code == 78
    return wrong.value.message.replace(f"{folder}/", "").splitlines()


def test_a_good_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    assert config.bng.base_url == "https://bng.example.com"
    assert (config.bridge.workers, config.broker.port, config.broker.tls) == (32, 8883, True)
    assert config.sites["shop1"].external_id.format(site="shop1", id=74) == "shop1-74"
    assert config.secret_files() == {"bng.api_key_file": Path("/run/secrets/bng")}


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "says"),
    [
        ("host =", "hots =", 2, "broker.hots", "unknown key. Did you mean 'host'? Allowed: ca_file, cert_file, host,"),
        ("port = 0", "prot = 0", 9, "bng.webhooks.prot", "unknown key. Did you mean 'port'?"),
        ("time_zone =", "timezone =", 12, "sites.shop1.timezone", "unknown key. Did you mean 'time_zone'?"),
        ("[bng.webhooks]", "[bng.webhoks]", 8, "bng.webhoks", "unknown key. Did you mean 'webhooks'?"),
        ("[broker]", "colour = 1\n[broker]", 1, "colour", "unknown key. Allowed: alerts, bng, bridge, broker, sites."),
        ("[broker]", '[alerts]\nwebhook_secret_file = "s"\n[broker]', 1, "alerts", "signs what goes to webhook_url"),
        ("[broker]", '[alerts]\nwebhook_url = "pager"\n[broker]', 2, "alerts.webhook_url", "must begin with https:// or http://"),
        ('host = "broker.example.com"', "port = 70000", 2, "broker.port", "less than or equal to 65535 (found 70000)"),
        ('host = "broker.example.com"', 'port = "many"', 2, "broker.port", "valid integer"),
        ('host = "broker.example.com"', "tls = 7", 2, "broker.tls", "valid boolean"),
        ('base_url = "https://bng.example.com/"', "timeout_s = 5", 4, "bng.base_url", "missing; it is required"),
        ('"https://bng', '"ftp://bng', 5, "bng.base_url", "must begin with https:// or http://"),
        ('api_key_file = "/run/secrets/bng"', "", 4, "bng", "set either client_id and client_secret_file, or api_key"),
        ("api_key_file =", 'client_id = "c"\nclient_secret_file = "s"\napi_key_file =', 4, "bng", "set either client_id"),
        ("port = 0", "port = 8440", 8, "bng.webhooks", "would accept forged events; set secret_file"),
        ("Europe/Berlin", "Europe/Bern", 12, "sites.shop1.time_zone", "not a time zone of the tz database"),
        ("time_zone =", 'external_id = "x"\ntime_zone =', 11, "sites.shop1", "external_id must contain {id}"),
        ("time_zone =", 'guest_policy = "generic"\ntime_zone =', 11, "sites.shop1", "belong together"),
        ("time_zone =", 'guest_policy = "none"\ntime_zone =', 12, "sites.shop1.guest_policy", "'per-email', 'per-order'"),
        ("time_zone =", "go_live_at = 2026-01-31T00:00:00\ntime_zone =", 11, "sites.shop1", "go_live_at needs an offset"),
        ("time_zone =", "requests_per_s = 0\ntime_zone =", 12, "sites.shop1.requests_per_s", "greater than 0"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and " " not in value else "",
)  # fmt: skip
def test_a_mistake_names_file_line_and_key(tmp_path: Path, old: str, new: str, line: int, key: str, says: str) -> None:
    assert old in GOOD
    (mistake,) = mistakes(tmp_path, GOOD.replace(old, new, 1))
    assert mistake.startswith(f"bridge.toml:{line}: {key}: ")
    assert says in mistake


@pytest.mark.parametrize(
    ("limit", "line", "key", "says"),
    [
        ("[bng.limits.orders]\nconcurrency = 1", 14, "bng.limits.orders", "'customers', 'sales-orders'"),
        (
            "[bng.limits.shipments]\nrequests_per_s = 51",
            4,
            "bng",
            "limits.shipments.requests_per_s is 51, above the 50",
        ),
        (
            "[bng.limits.shipments]",
            14,
            "bng.limits.shipments",
            "limits nothing: set requests_per_s, concurrency, or both",
        ),
        ("[bng.limits.shipments]\nrate = 1", 15, "bng.limits.shipments.rate", "Allowed: concurrency, requests_per_s"),
        ("[sites.shop1.limits.stocks]\nconcurrency = 1", 14, "sites.shop1.limits.stocks", "'products', 'stock'"),
        (
            "[sites.shop1.limits.stock]\nconcurrency = 5",
            11,
            "sites.shop1",
            "limits.stock.concurrency is 5, above the 4",
        ),
    ],
)
def test_a_limit_that_would_not_do_what_it_says_is_a_mistake(
    tmp_path: Path, limit: str, line: int, key: str, says: str
) -> None:
    (mistake,) = mistakes(tmp_path, GOOD + limit + "\n")
    assert mistake.startswith(f"bridge.toml:{line}: {key}: ")
    assert says in mistake


def test_a_class_of_calls_may_be_limited_further(tmp_path: Path) -> None:
    limits = "[bng.limits.sales-orders]\nrequests_per_s = 5\n[sites.shop1.limits.stock]\nconcurrency = 1\n"
    config = read(tmp_path, GOOD + limits)
    assert config.bng.limits["sales-orders"].requests_per_s == 5
    assert config.sites["shop1"].limits["stock"].concurrency == 1


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = mistakes(tmp_path, GOOD.replace("host =", "hots =").replace("time_zone =", "timezone ="))
    assert [mistake.split(": ")[1] for mistake in found] == ["broker.hots", "sites.shop1.timezone"]


def test_a_file_without_sites_is_a_mistake(tmp_path: Path) -> None:
    assert "sites: missing" in mistakes(tmp_path, GOOD[: GOOD.index("[sites")])[0]


@pytest.mark.parametrize(
    ("text", "line"), [("[broker\n", 1), ('[broker]\nhost = "a', 2), ("[broker]\nhost = a\n", 2), ("a = 1\na = 2\n", 2)]
)
def test_what_is_not_toml_is_told_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    (mistake,) = mistakes(tmp_path, text)
    assert mistake.startswith(f"bridge.toml:{line}: not TOML: ")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: the configuration cannot be read: No such file") as missing:
        load(tmp_path / "none.toml", BridgeConfig)
    assert "--config" in missing.value.hint
    (tmp_path / "latin.toml").write_bytes(b'name = "M\xfcller"')
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        load(tmp_path / "latin.toml", BridgeConfig)


def test_a_key_is_located_also_in_dotted_and_quoted_form(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text('[broker]\nhost = "a"\n\n[sites."shop.one"]\n# a comment\ntime_zone = "UTC"\nbng.poll.x = 1\n')
    assert locate(path, "broker.host") == f"{path}:2"
    assert locate(path, "broker.port") == f"{path}:1"
    assert locate(path, "nothing.here") == f"{path}:1"


def test_a_secret_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("  s3cret \nsecond line\n")
    assert read_secret(tmp_path / "secret", key="k") == "s3cret"


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), ("", "it is empty"), ("\n", "it is empty")])
def test_a_secret_that_is_not_there_is_told_with_its_key(tmp_path: Path, content: str | None, reason: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=rf"^bng\.api_key_file: the secret file .*/secret cannot be read: {reason}"):
        read_secret(file, key="bng.api_key_file")


def test_a_secret_of_strange_bytes_is_told_without_showing_them(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        read_secret(tmp_path / "secret", key="bng.api_key_file")


def test_a_relative_secret_is_a_credential_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bng-key").write_text("s3cret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_secret(Path("bng-key"), key="k") == "s3cret"


def test_nothing_of_a_configuration_can_be_changed_afterwards(tmp_path: Path) -> None:
    config: Any = read(tmp_path, GOOD)
    with pytest.raises(ValueError, match="frozen"):
        config.bridge.workers = 1
