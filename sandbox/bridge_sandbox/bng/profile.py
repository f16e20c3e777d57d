"""A profile, as this server reads it: the same YAML file that the bridge is given, by a reader of its own.

What a file leaves out is as in bng.yaml, which states everything. A file is not checked here; the bridge's own
`bng-bridge config check` does that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click
import yaml

from bridge_common import shipped

Settings = dict[str, Any]
OWN = "bng"
POOREST = "bng-without-keys"
WAYS_TO_WRITE = ("external_id", "create", "idempotency", "concurrency")
"""What a profile may have of its own and still look like BNG."""


@dataclass(frozen=True)
class Profile:
    """`settings` with every text as it was typed."""

    settings: Settings

    def __getitem__(self, section: str) -> Any:
        return self.settings[section]

    def resource(self, name: str) -> Settings:
        """What is said of one resource, by BNG's name; empty if nothing is."""
        found: Settings = self["resources"].get(name, {})
        return found

    def path_of(self, name: str) -> str:
        """The resource's own part of the path."""
        return str(self.resource(name).get("path", name))

    def has_action(self, name: str) -> bool:
        """Whether the action has a path of its own; an order may be cancelled by its status instead."""
        return name != "cancel" or self["cancel"] == "action"

    @property
    def creates_by(self) -> str:
        """The method by which a client is meant to create records."""
        return "POST" if self["create"] == "post" else "PUT"

    @property
    def has_webhooks(self) -> bool:
        return bool(self["webhooks"]["verify"] != "none")

    @property
    def looks_like_bng(self) -> bool:
        """Whether names, paths and forms are BNG's, whatever guards its writes."""
        own = read(OWN).settings
        return all(value == own[name] for name, value in self.settings.items() if name not in WAYS_TO_WRITE)

    @property
    def has_keys(self) -> bool:
        return bool(self["idempotency"]["methods"])


def read(name: str) -> Profile:
    """By the name of a shipped one, or from a file."""
    merged = merge(parse(path_of(OWN)), parse(path_of(name)))
    return Profile(merged)


def path_of(name: str) -> Path:
    """Where the profile of this name is; a name with a slash, or that ends in .yaml, is a path already."""
    if "/" in name or name.endswith(".yaml"):
        return Path(name)
    return shipped.folder("profiles") / f"{name}.yaml"


def parse(path: Path) -> Settings:
    """All scalars stay text."""
    found: Settings = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader) or {}  # noqa: S506 # it makes texts only
    return found


def merge(below: Settings, above: Settings) -> Settings:
    """`below` with what `above` says instead, section by section."""
    merged = dict(below)
    for name, value in above.items():
        both = isinstance(value, dict) and isinstance(below.get(name), dict)
        merged[name] = merge(below[name], value) if both else value
    return merged


def is_on(text: str) -> bool:
    """A flag as typed in YAML."""
    return text.lower() in ("true", "yes", "on")


def profile_options(command: Callable[..., None]) -> Callable[..., None]:
    """--profile, and --no-keys for the poorest one: they arrive together as `profile`."""

    @click.option(
        "--profile", default=OWN, show_default=True, help="Which ERP BNG is like: a shipped profile, or a file."
    )
    @click.option("--no-keys", is_flag=True, help=f"The same as --profile {POOREST}: no keys, no upsert, no versions.")
    @wraps(command)
    def chosen(*args: Any, profile: str, no_keys: bool, **options: Any) -> None:
        name = POOREST if no_keys else profile
        if not path_of(name).is_file():
            raise click.BadParameter(f"there is no profile {name}: {path_of(name)}", param_hint="--profile")
        command(*args, profile=name, **options)

    return chosen
