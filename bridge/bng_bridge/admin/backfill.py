"""Having a shop's history brought over: begun, looked at, paused, taken up again, cancelled; and a look before it."""

import time
from datetime import date
from typing import Any

from aiohttp import web

from bng_bridge import windows
from bng_bridge.admin import history
from bng_bridge.admin.bridge import Bridge, NotFound, Route
from bng_bridge.backfill.days import LISTINGS, Days
from bng_bridge.mapping.money import text
from bng_bridge.windows import Window
from bridge_common.clock import from_text, to_text, utc_now
from bridge_common.errors import BridgeError
from bridge_common.log import log


class OtherWindow(BridgeError):
    """One that is not at its end stands in the way."""


async def begin(bridge: Bridge, entity: str, site: str | None, days: Days, who: str, *, again: bool) -> dict[str, Any]:
    """The window of these days: the one that is not at its end, taken up again; or, where they name both ends, the one that
    is done, unless it is wanted `again`; or else a new one.

    Raises NotFound, and OtherWindow where one of other days is not at its end.
    """
    name = bridge.only_site(site)
    known = _same(bridge, entity, name, days)
    if known is not None and known.state == "done" and not again:
        return shown(bridge, known)
    if known is not None and known.is_unfinished:
        return await change(bridge, known.id, "running")
    now = utc_now()
    since, until = days.span(bridge.config.sites[name].time_zone, now)
    if since >= until:
        raise NotFound(
            f"Nothing lies between {days.first} and {days.last or 'now'}.", hint="--from is the earlier day."
        )
    values = {"site": name, "entity": _known(entity), "since": since, "until": until, **_named(days)}
    number = await bridge.store.write(lambda db: windows.begin(db, who, to_text(now), **values))
    log("backfill", number=number, site=name, entity=entity, state="running", by=who,
        first_day=values["first_day"], last_day=values["last_day"])  # fmt: skip
    bridge.carriers[name].look()
    return shown(bridge, _get(bridge, number))


async def change(bridge: Bridge, number: int | None, state: str) -> dict[str, Any]:
    """`state` running, paused or cancelled; of the only one that is not at its end where no number is given.

    Raises NotFound, and OtherWindow for one that has ended.
    """
    window = _get(bridge, number) if number is not None else _only(bridge)
    changed = await bridge.store.write(lambda db: windows.set_state(db, window.id, state, to_text(utc_now())))
    if not changed:
        raise OtherWindow(
            f"Backfill {window.id} is {window.state}.",
            hint="The same days once more: bridgectl backfill orders --from …",
        )
    log("backfill", number=window.id, site=window.site, entity=window.entity, state=state)
    bridge.carriers[window.site].look()
    return shown(bridge, _get(bridge, window.id))


def shown(bridge: Bridge, window: Window) -> dict[str, Any]:
    """One window as programs read it; amounts are text."""
    carrier = bridge.carriers.get(window.site)
    is_running = window.state == "running" and carrier is not None
    rate_per_s = carrier.pace.rate_per_s(time.monotonic()) if carrier is not None and is_running else 0.0
    left = max(0, (window.total or 0) - window.settled)
    return {
        "id": window.id, "site": window.site, "entity": window.entity, "from": window.first_day, "to": window.last_day,
        "state": window.state, "total": window.total, "handed": window.handed, "settled": window.settled,
        "done": window.done, "skipped": window.skipped, "dead": window.dead,
        "sums": {currency: text(amount) for currency, amount in sorted(window.sums.items())},
        "rate_per_s": round(rate_per_s, 1), "eta_s": round(left / rate_per_s) if rate_per_s and window.total else None,
        "trouble": carrier.trouble if carrier is not None and is_running else "",
        "began_at": window.began_at, "began_by": window.began_by, "ended_at": window.ended_at,
        "seconds": _seconds(window),
    }  # fmt: skip


async def _post(bridge: Bridge, request: web.Request) -> Any:
    body = await request.json()
    return await begin(
        bridge, str(body["entity"]), body.get("site"), _days(body), str(body["who"]), again=bool(body.get("again"))
    )


async def _preview(bridge: Bridge, request: web.Request) -> Any:
    body = await request.json()
    site = bridge.only_site(body.get("site"))
    return await history.preview(bridge, _known(str(body["entity"])), site, _days(body), int(body["sample"]))


async def _list(bridge: Bridge, request: web.Request) -> Any:
    site = request.query.get("site")
    found = windows.all_of(bridge.store.read, None if site is None else bridge.known_site(site))
    return [shown(bridge, each) for each in found]


async def _one(bridge: Bridge, request: web.Request) -> Any:
    return shown(bridge, _get(bridge, int(request.match_info["id"])))


async def _change(bridge: Bridge, request: web.Request) -> Any:
    body = await request.json()
    number = body.get("id")
    state = {"pause": "paused", "resume": "running", "cancel": "cancelled"}[request.match_info["verb"]]
    return await change(bridge, None if number is None else int(number), state)


ROUTES: tuple[Route, ...] = (
    ("POST", "/backfill", _post),
    ("GET", "/backfill", _list),
    ("POST", "/backfill/preview", _preview),
    ("GET", r"/backfill/{id:\d+}", _one),
    ("POST", "/backfill/{verb:pause|resume|cancel}", _change),
)


def _days(body: dict[str, Any]) -> Days:
    last = body.get("to")
    return Days(date.fromisoformat(str(body["from"])), date.fromisoformat(str(last)) if last else None)


def _named(days: Days) -> dict[str, str]:
    return {"first_day": days.first.isoformat(), "last_day": days.last.isoformat() if days.last else ""}


def _same(bridge: Bridge, entity: str, site: str, days: Days) -> Window | None:
    """Raises OtherWindow."""
    wanted, found = tuple(_named(days).values()), None
    for window in windows.all_of(bridge.store.read, site):
        is_same = (window.first_day, window.last_day) == wanted
        if window.entity != entity:
            continue
        if window.is_unfinished and not is_same:
            raise OtherWindow(
                f"Backfill {window.id} of {entity}s of {site} from {window.first_day} is {window.state}.",
                hint=f"Wait for it, or end it: bridgectl backfill cancel {window.id}.",
            )
        if is_same and (window.is_unfinished or (window.state == "done" and window.last_day)):
            found = window
    return found


def _only(bridge: Bridge) -> Window:
    """Raises NotFound."""
    found = [each for each in windows.all_of(bridge.store.read) if each.is_unfinished]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound("No backfill is under way.", hint="bridgectl backfill status --all shows those that have ended.")
    numbers = ", ".join(f"{each.id} ({each.entity}s of {each.site})" for each in found)
    raise NotFound("Several backfills are under way.", hint=f"Say which: {numbers}.")


def _get(bridge: Bridge, number: int) -> Window:
    """Raises NotFound."""
    window = windows.get(bridge.store.read, number)
    if window is None:
        raise NotFound(f"There is no backfill {number}.", hint="bridgectl backfill status --all shows them.")
    return window


def _known(entity: str) -> str:
    """Raises NotFound."""
    if entity not in LISTINGS:
        raise NotFound(f"There is no history of {entity}.", hint=f"There is one of: {', '.join(LISTINGS)}.")
    return entity


def _seconds(window: Window) -> float:
    end = from_text(window.ended_at) if window.ended_at else utc_now()
    return round((end - from_text(window.began_at)).total_seconds(), 1)
