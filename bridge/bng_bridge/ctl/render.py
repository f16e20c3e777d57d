"""Answers of the daemon for a person at a terminal: rich honours NO_COLOR and plain pipes."""

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_COLOURS = {"healthy": "green", "degraded": "yellow", "down": "red", "online": "green", "open": "green"}


def status(answer: dict[str, Any]) -> None:
    console = _console()
    console.print(_word(answer["verdict"]), Text(answer["cause"] or "nothing waits for you"))
    bridge = answer["bridge"]
    console.print(
        f"bridge {bridge['version']}: {bridge['inbox_pending']} pending{_since(bridge['inbox_oldest_s'])}, "
        f"{bridge['dead']} dead, {bridge['intents']} open intents"
    )
    console.print("broker", _word("connected" if answer["broker"]["connected"] else "not connected"))
    console.print("BNG", _word(answer["bng"]["throttle"]))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("site", "state", "seen", "round trip", "outbox", "inbox", "dead", "throttle"):
        table.add_column(heading)
    for site in answer["sites"]:
        table.add_row(
            site["site"], _word(site["state"]), _ago(site["last_seen_s"]), _milliseconds(site["round_trip_ms"]),
            _waiting(site["outbox_rows"], site["outbox_oldest_s"]),
            _waiting(site["inbox_pending"], site["inbox_oldest_s"]), str(site["dead"]), _word(site["throttle"]),
        )  # fmt: skip
    console.print(table)


def trace(answer: dict[str, Any]) -> None:
    console = _console()
    if not answer["found"]:
        console.print(f"Order {answer['order']} is not among the events kept here (30 days).")
        console.print(answer["waits"])
        return
    console.print(f"Order {answer['order']} (id {answer['entity_id']}) of {answer['site']}", style="bold")
    for event in answer["events"]:
        _print_event(console, event)
    order = answer["sales_order"]
    if order:
        console.print(
            f"  BNG {order['SalesOrderID']}: status {order.get('OrderStatus')}, total {order.get('Total')}, "
            f"{order.get('AllocationStatus')}, written {_time(order['written_at'])}"
        )
    for shipment in answer["shipments"]:
        _print_shipment(console, shipment)
    if answer["waits"]:
        console.print(Text("waits: ", style="yellow"), Text(answer["waits"]))
    if answer["also_in"]:
        console.print(f"The same number exists in {', '.join(answer['also_in'])}: choose with --site.")


def queue(answer: dict[str, Any]) -> None:
    console = _console()
    for write in answer["unknown"]:
        console.print(
            Text("unknown", style="red"), f"{write['target_key']}: looked up until {_time(write['quiet_until'])}"
        )
    for event in answer["events"]:
        name = event["increment_id"] or event["entity_id"]
        what = event["reason"] or ("under way" if event["state"] == "processing" else "its turn")
        console.print(
            f"{event['seq']} {event['site'] or event['source']} {event['entity']} {name}: {what} "
            f"(next {_time(event['run_at'])}, {event['attempts']} attempts)",
            markup=False,
        )
    if not answer["unknown"] and not answer["events"]:
        console.print("Nothing waits.")


def dead_letters(letters: list[dict[str, Any]]) -> None:
    console = _console()
    if not letters:
        console.print("No dead letters.")
    for letter in letters:
        name = letter["increment_id"] or letter["entity_id"]
        console.print(Text(f"{letter['seq']}", style="bold"), f"{letter['site']} {letter['entity']} {name}:", end=" ")
        console.print(Text(letter["reason"], style="red"))
        console.print(f"    {letter['hint']}  (stored {_time(letter['stored_at'])}, {letter['attempts']} attempts)")


def dead_letter(letter: dict[str, Any]) -> None:
    console = _console()
    for name, value in letter.items():
        if name not in ("attempt_log", "data") and value not in (None, ""):
            console.print(Text(f"{name:>14}", style="bold"), Text(str(value)))
    _print_attempts(console, letter["attempt_log"])
    console.print(Text(letter["data"] or "(no data)"), soft_wrap=True)


def _print_event(console: Console, event: dict[str, Any]) -> None:
    hops = " → ".join(
        f"{name} {_time(event[f'{name}_at'])}"
        for name in ("committed", "captured", "published", "stored", "settled")
        if event[f"{name}_at"]
    )
    console.print(f"  {hops}")
    console.print("   ", _word(event["state"]), Text(event["reason"]))
    for step in event["steps"]:
        console.print(f"      {step['action']} {step['target_id']} {_time(step['at'])}")
    _print_attempts(console, [item for item in event["attempt_log"] if item["error"]])


def _print_attempts(console: Console, attempts: list[dict[str, Any]]) -> None:
    for item in attempts:
        what = f"{item['outcome']} {item['error_kind']} {item['error']}".strip()
        text = f"      attempt {item['number']} {_time(item['started_at'])} {what}"
        console.print(Text(text))


def _print_shipment(console: Console, shipment: dict[str, Any]) -> None:
    where = f"shop shipment {shipment['magento_id']}, {_time(shipment['shipped_at'])}" if shipment["magento_id"] else ""
    numbers = ", ".join(shipment["TrackingNumbers"])
    state = where or f"{shipment['state']} {shipment['reason']}".strip()
    console.print(f"  shipped {shipment['ShipmentID']} {_time(shipment['CreatedAt'])} [{numbers}] → {state}")


def _console() -> Console:
    """Without markup: an answer's own square brackets, such as [bng], are part of its words."""
    return Console(highlight=False, markup=False, emoji=False)


def _word(text: str) -> Text:
    colour = _COLOURS.get(text) or ("green" if text in ("connected", "done") else "yellow")
    return Text(text, style="red" if text in ("dead", "not connected", "down", "offline") else colour)


def _time(text: str | None) -> str:
    return datetime.fromisoformat(text).strftime("%H:%M:%S.%f")[:-3] if text else "-"


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s ago"


def _since(seconds: float | None) -> str:
    return "" if seconds is None else f" (oldest {seconds:.0f} s)"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _waiting(count: int | None, oldest_s: float | None) -> str:
    return "-" if count is None else f"{count}{_since(oldest_s) if count else ''}"
