"""Profile files: what is shipped loads, what is wrong is named with its place, what the reference shows is true."""

import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from bng_bridge.bng import profile_file
from bng_bridge.bng.profile import PROBLEMS, Profile
from bng_bridge.mapping import templates
from bng_bridge.mapping.findings import MappingFileError
from bridge_common import shipped
from bridge_common.config import Section
from bridge_common.errors import ConfigError
from bridge_sandbox.bng import profile as sandbox

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "profiles.md").read_text()
EXAMPLES = re.findall(r"(?ms)^```yaml\n(.*?)^```", REFERENCE)


@pytest.mark.parametrize("name", profile_file.shipped())
def test_what_is_shipped_loads(name: str) -> None:
    assert profile_file.load(name).base_path


def test_the_four_profiles_and_the_poorest_are_shipped() -> None:
    assert set(profile_file.shipped()) == {"bng", "bng-without-keys", "bc-like", "frappe-like", "netsuite-like"}


def test_an_installation_has_profiles_and_mappings_in_one_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the installer puts data, which is not always below the interpreter's own prefix."""
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "lib" / "bridge_common" / "shipped.py"))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / name))
    folder = tmp_path / "data" / "share" / "bng-bridge"
    (folder / "profiles").mkdir(parents=True)
    (folder / "profiles" / "ours.yaml").write_text("base_path: /erp")
    assert profile_file.shipped() == {"ours": folder / "profiles" / "ours.yaml"}
    assert templates.folder() == folder / "mappings"


def test_bng_s_own_file_says_every_default_and_nothing_else() -> None:
    assert profile_file.load("bng") == Profile()
    said = set(flat(yaml.safe_load(profile_file.path_of("bng").read_text())))
    optional = {
        key for key in said_by_model(Profile) if key.startswith(("webhooks.signature", "webhooks.subscription"))
    }
    assert said == set(said_by_model(Profile)) - optional


def test_only_bng_s_own_way_guards_by_itself() -> None:
    assert [name for name in profile_file.shipped() if profile_file.load(name).guards] == ["bng"]


@pytest.mark.parametrize("name", profile_file.shipped())
def test_both_readers_see_the_same(name: str) -> None:
    """The sandbox reads the file by a reader of its own."""
    ours, theirs = profile_file.load(name), sandbox.read(name)
    for section in ("base_path", "create", "cancel"):
        assert theirs[section] == getattr(ours, section)
    assert theirs["list"]["next"]["by"] == ours.list.next.by
    assert [theirs.path_of(each) for each in ours.resources] == [ours.path_of(each) for each in ours.resources]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("base_pth: /x", r"p.yaml:1:1: base_pth: unknown key. Did you mean base_path\?"),
        (
            "list:\n  next: { by: curser }",
            r"p.yaml:2:11: list.next.by: .*'cursor', 'link', 'offset' or 'page'.*'curser'",
        ),
        ("list:\n  size: { most: many }", r"p.yaml:2:11: list.size.most: .*valid integer.*'many'"),
        ("base_path: api", r"p.yaml:1:1: base_path: begins with /"),
        ("login: { key_value: 'token {secret}' }", r"p.yaml:1:10: login.key_value: knows {key}, and not {secret}"),
        ("errors:\n  code: error.code", r"p.yaml:2:3: errors.code: is a JSON pointer"),
        (
            "resources:\n  customer:\n    path: x",
            r"p.yaml:2:3: resources: there is no customer here. Did you mean customers\?",
        ),
        (
            "resources:\n  customers:\n    fields:\n      CustomrID: id",
            r"p.yaml:4:7: resources.customers.fields: there is no CustomrID here. Did you mean CustomerID\?",
        ),
        (
            "resources:\n  customers:\n    fields:\n      BillingAddress:\n        fields:\n          Strasse: s",
            r"p.yaml:6:11: resources.customers.fields.BillingAddress.fields: there is no Strasse here",
        ),
        ("resources:\n  customers:\n    omit: [Segmnt]", r"p.yaml:3:5: .*no Segmnt here. Did you mean Segment\?"),
        (
            "errors:\n  problems:\n    invalid: { status: 400 }",
            r"p.yaml:3:5: errors.problems: there is no invalid here",
        ),
        ("errors:\n  problems:\n    validation: {}", r"p.yaml:3:5: .*needs a status, a code, or both"),
        ("webhooks:\n  verify: key", r"p.yaml:1:1: webhooks: verify: key needs key"),
        ("webhooks:\n  kinds: { stock: s }", r"p.yaml:2:12: webhooks.kinds: there is no stock here"),
        ("formats: { zone: Mars }", r"p.yaml:1:12: formats.zone: not a time zone"),
        ("formats: { times: '%d.%m.%Y' }", r"p.yaml:1:12: formats.times: rfc3339, or a strftime format"),
        ("create: put-if-absent\nexternal_id: { unique: false }", r"create: put-if-absent needs external_id.unique"),
        ("concurrency: { check: none, required: true }", r"concurrency.required needs a check"),
        ("resources:\n  customers:\n    fields: { Phone: { values: { a: [] } } }", r"p.yaml:3:34: .*at least 1 item"),
        ("- a list", r"p.yaml:1:1: is no YAML mapping"),
        ("list: {\n", r"p.yaml:2:1: is no YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_was_meant(text: str, said: str) -> None:
    with pytest.raises(MappingFileError, match=said):
        profile_file.parse(text, "p.yaml")


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(MappingFileError) as wrong:
        profile_file.parse("base_path: x\ncreate: sometimes\n", "p.yaml")
    assert len(wrong.value.findings) == 2


def test_values_are_text_as_typed() -> None:
    profile = profile_file.parse("resources: { customers: { always: { a: on, b: 1.10, c: 007, d: ~ } } }", "p.yaml")
    assert profile.resource("customers").always == {"a": "on", "b": "1.10", "c": "007", "d": "~"}


def test_a_profile_that_is_not_shipped_names_those_that_are() -> None:
    with pytest.raises(ConfigError, match="no profile 'netsuite'; shipped are bc-like, bng,") as wrong:
        profile_file.load("netsuite")
    assert "Did you mean netsuite-like" in wrong.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml: the profile cannot be read: No such file"):
        profile_file.load(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n", 1)[0])
def test_an_example_of_the_reference_loads_and_says_what_it_shows(example: str) -> None:
    profile = profile_file.parse(example, "docs/profiles.md").model_dump(mode="json", exclude_unset=True)
    assert set(flat(profile)) >= {key for key in flat(yaml.safe_load(example)) if ".fields" not in key}


def test_the_reference_has_an_example_for_each_section_and_names_each_setting() -> None:
    assert len(EXAMPLES) > 9
    missing = [key for key in said_by_model(Profile) if not is_named(key)]
    assert missing == []
    assert [problem for problem in PROBLEMS if f"`{problem}`" not in REFERENCE] == []


def is_named(key: str) -> bool:
    """`list.next.by`, or in a row with its neighbours the last part: `.pointer`; subscriptions name theirs in a sentence."""
    last = key.rsplit(".", 1)[-1]
    return any(f"`{name}`" in REFERENCE for name in (key, f".{last}", last))


def flat(settings: Any, prefix: str = "") -> Iterator[str]:
    """Dotted keys of everything that is no section; names that somebody chooses are values."""
    if isinstance(settings, dict) and settings and prefix.count(".") < 3 and not chosen(prefix):
        for key, value in settings.items():
            yield from flat(value, f"{prefix}{key}.")
    else:
        yield prefix.rstrip(".")


def chosen(prefix: str) -> bool:
    return prefix in ("list.always.", "list.filters.parameters.", "errors.problems.", "webhooks.kinds.", "resources.")


def said_by_model(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = next(
            (each for each in (field.annotation, *getattr(field.annotation, "__args__", ())) if is_section(each)), None
        )
        if inner is None or "dict" in str(field.annotation):
            yield f"{prefix}{name}"
        else:
            yield from said_by_model(inner, f"{prefix}{name}.")


def is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)
