"""All functions: the built-in ones, and those of installed packages."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from bng_bridge.mapping.functions import addresses, dates, lists, magento, numbers, texts
from bng_bridge.mapping.functions.registry import BUILT_IN, Function, describe
from bridge_common.errors import ConfigError

GROUP = "bng_bridge.mapping_functions"
MODULES = (texts, numbers, dates, addresses, lists, magento)
"""In the order of the reference. Importing them is what fills the library."""


@cache
def functions() -> Mapping[str, Function]:
    """By name. Plug-ins are trusted: they are code that an administrator installed.

    Raises ConfigError for one that cannot be loaded, or that takes a built-in function's name.
    """
    plug_ins = {entry.name: _plug_in(entry) for entry in entry_points(group=GROUP)}
    return {**BUILT_IN.functions, **plug_ins}


def _plug_in(entry: EntryPoint) -> Function:
    hint = f"Entry point group {GROUP}; see docs/mapping.md, Functions of your own."
    if entry.name in BUILT_IN.functions:
        raise ConfigError(
            f"the plug-in function {entry.name} ({entry.value}) has a built-in function's name", hint=hint
        )
    try:
        found = entry.load()
        return found if isinstance(found, Function) else describe(entry.name, found)
    except Exception as error:  # the code is not ours: whatever it raises while it is imported
        raise ConfigError(
            f"the plug-in function {entry.name} ({entry.value}) cannot be used: {error}", hint=hint
        ) from error
