"""The flow and mapping files: put edited ones in force, and what a mapping file would change."""

import asyncio
from dataclasses import replace
from typing import Any

from aiohttp import web

from bng_bridge.admin import shadow, shadow_flow
from bng_bridge.admin.bridge import Bridge, NotFound, Route
from bng_bridge.mapping.findings import MappingFileError
from bridge_common.clock import to_text
from bridge_common.errors import BridgeError

MOST_EVENTS = 10_000


async def reload(bridge: Bridge) -> dict[str, Any]:
    """{"ok", "findings", "changed", "identity", "loaded_at", "files", "bundle", "mode", "out_of_force"}.

    What is in force now, `changed` or as before. `bundle` is the deployed bundle that they are from, "" without one;
    `out_of_force` are folders whose files do not count because of it.
    """
    before = bridge.reload.mappings.current
    findings = await bridge.reload.reload()
    now = bridge.reload.mappings
    kinds = (("flow", now.current.flows.files()), ("mapping", now.current.mappings.files()))
    files = [
        {"kind": kind, "name": name, "site": site, "identity": file.identity, "path": file.path}
        for kind, found in kinds
        for site, name, file in found
    ]
    return {
        "ok": not findings,
        "findings": [str(each) for each in findings],
        "changed": now.current is not before,
        "identity": now.current.identity,
        "loaded_at": to_text(now.loaded_at),
        "files": files,
        "bundle": now.bundle,
        "mode": bridge.config.bridge.mode,
        "out_of_force": bridge.reload.out_of_force(),
    }


async def diff(bridge: Bridge, name: str, text: str, site: str, events: int) -> dict[str, Any]:
    """What a file would change in the last stored documents; see shadow.py. {"findings"} for one with mistakes.

    Raises NotFound for a name or a site that is not there, or a mapping whose documents are not stored.
    """
    if site:
        bridge.known_site(site)
    mappings = bridge.context.mappings
    names = {each for _, each, _ in mappings.current.files()}
    if name not in names:
        raise NotFound(
            f"No mapping {name} is in force.", hint="Name one with --as NAME: bridgectl map reload lists them."
        )
    if name not in shadow.NAMES:
        raise NotFound(
            f"The documents of {name} are not stored.", hint=f"There are stored ones for {', '.join(shadow.NAMES)}."
        )
    folder = await asyncio.to_thread(lambda: bridge.reload.folder)
    path = (folder / site if site else folder) / f"{name}.yaml"
    wanted = shadow.Wanted(name, text, path, site, max(1, min(events, MOST_EVENTS)))
    sites, current = bridge.config.sites, mappings.current
    try:
        return await bridge.store.look(lambda db: shadow.compare(db, sites, current, wanted))
    except MappingFileError as error:
        return {"findings": [str(each).removeprefix(f"{folder}/") for each in error.findings]}


async def flow_diff(bridge: Bridge, name: str, text: str, site: str, events: int) -> dict[str, Any]:
    """The same for a flow file; see shadow_flow.py. Raises NotFound for one whose documents are not stored."""
    if site:
        bridge.known_site(site)
    folder = await asyncio.to_thread(lambda: bridge.reload.flows_folder)
    path = (folder / site if site else folder) / f"{name}.yaml"
    wanted = shadow.Wanted(name, text, path, site, max(1, min(events, MOST_EVENTS)))
    files, context = bridge.context.mappings.current, bridge.context
    try:
        return await bridge.store.look(lambda db: shadow_flow.compare(replace(context, read=db), files, wanted))
    except MappingFileError as error:
        return {"findings": [str(each).removeprefix(f"{folder}/") for each in error.findings]}


async def _reload(bridge: Bridge, _: web.Request) -> Any:
    return await reload(bridge)


async def _diff(bridge: Bridge, request: web.Request) -> Any:
    asked = await request.json()
    if not isinstance(asked["text"], str):
        raise BridgeError("text is the file's text")
    return await diff(bridge, str(asked["name"]), asked["text"], str(asked.get("site") or ""), int(asked["events"]))


async def _flow_diff(bridge: Bridge, request: web.Request) -> Any:
    asked = await request.json()
    if not isinstance(asked["text"], str):
        raise BridgeError("text is the file's text")
    return await flow_diff(
        bridge, str(asked["name"]), asked["text"], str(asked.get("site") or ""), int(asked["events"])
    )


ROUTES: tuple[Route, ...] = (
    ("POST", "/map/reload", _reload), ("POST", "/map/diff", _diff), ("POST", "/flow/diff", _flow_diff),
)  # fmt: skip
