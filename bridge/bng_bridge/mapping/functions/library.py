"""All functions: the built-in ones, and those of installed packages."""

from collections.abc import Callable, Mapping
from functools import cache, wraps
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from bng_bridge.mapping.faults import Fault
from bng_bridge.mapping.functions import addresses, dates, lists, magento, numbers, texts
from bng_bridge.mapping.functions.registry import BUILT_IN, Function, describe
from bridge_common.errors import ConfigError, MappingError

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
        return describe(entry.name, _guarded(entry.load()))
    except Exception as error:  # the code is not ours: whatever it raises while it is imported
        raise ConfigError(
            f"the plug-in function {entry.name} ({entry.value}) cannot be used: {error}", hint=hint
        ) from error


def _guarded(run: Callable[..., Any]) -> Callable[..., Any]:
    """What a plug-in cannot map is a Fault like any other; its bugs stay bugs."""

    @wraps(run)
    def guarded(*values: Any) -> Any:
        try:
            return run(*values)
        except MappingError as error:
            raise Fault(error.message, hint=error.hint) from error

    return guarded
