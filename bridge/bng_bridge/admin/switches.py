"""Which flows are on for which site, and switching them."""

from typing import Any

from aiohttp import web

from bng_bridge import switches
from bng_bridge.admin.bridge import Bridge, NotFound, Route
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import BridgeError
from bridge_common.log import log


async def flows(bridge: Bridge) -> list[dict[str, Any]]:
    """[{"site", "flow", "event", "state": always | on | off, "since", "at"}] of every site, by site and name."""
    on = {(each.site, each.flow): each for each in switches.all_on(bridge.store.read)}
    listed = []
    for site in sorted(bridge.config.sites):
        for flow in sorted(bridge.context.mappings.current.flows.of_site(site), key=lambda each: each.name):
            found = on.get((site, flow.name))
            state = "always" if not flow.trigger.is_switched else "off" if found is None else "on"
            listed.append({
                "site": site, "flow": flow.name, "event": flow.trigger.event.name, "state": state,
                "since": to_text(found.since) if found and found.since else None, "at": found.at if found else None,
            })  # fmt: skip
    return listed


async def switch(bridge: Bridge, name: str, site: str, *, is_on: bool, since: str | None) -> dict[str, Any]:
    """Raises NotFound for a flow or a site that is not there, BridgeError for a flow that always runs."""
    flow = next(
        (each for each in bridge.context.mappings.current.flows.of_site(bridge.known_site(site)) if each.name == name),
        None,
    )
    if flow is None:
        raise NotFound(f"There is no flow {name} for {site}.", hint="bridgectl flow list shows them.")
    if not flow.trigger.is_switched:
        raise BridgeError(
            f"{name} always runs.", hint="Only a flow whose file says `switched: true` under `on` can be switched."
        )
    from_then = None if since is None else to_text(from_text(since))
    now = to_text(utc_now())
    if is_on:
        await bridge.store.write(lambda db: switches.switch_on(db, site, name, from_then, now))
    else:
        await bridge.store.write(lambda db: switches.switch_off(db, site, name))
    log("flow_switched", site=site, flow=name, to="on" if is_on else "off", since=from_then or "")
    return {"site": site, "flow": name, "state": "on" if is_on else "off", "since": from_then}


async def _flows(bridge: Bridge, _: web.Request) -> Any:
    return await flows(bridge)


async def _switch(bridge: Bridge, request: web.Request) -> Any:
    asked = await request.json()
    name, is_on = request.match_info["name"], request.match_info["to"] == "on"
    return await switch(bridge, name, str(asked["site"]), is_on=is_on, since=asked.get("since"))


ROUTES: tuple[Route, ...] = (("GET", "/flows", _flows), ("POST", "/flows/{name}/{to:on|off}", _switch))
