"""Lives the stories: threads that take the story whose next act is due and perform it.

An act that is not possible yet (the shop has no database, BNG has no such order yet) is tried again a little later, and
the rest of its story waits for it. What the shop did although it answered with an error is in the shop's book, so it
counts; nothing here is proof of anything.
"""

import heapq
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

from bridge_sandbox.admin import BngAdmin, CallFailed, Server, ShopAdmin
from bridge_sandbox.catalogue import WAREHOUSE
from bridge_sandbox.chaos.stories import CUSTOMERS, Act, Story
from bridge_sandbox.trade import email_of, first_part, register

WORKERS = 6
AGAIN_S = 0.5
PATIENCE_S = 100.0
LOOK_S = 0.05


class NotYet(Exception):
    """The act is not possible yet."""


class Pointless(Exception):
    """The act is not possible, and never will be."""


class Progress:
    """Where one story stands, and what its acts need to know."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.next = 0
        self.since_s: float | None = None
        self.order_id: int | None = None
        self.revision = 0
        self.shipments = 0

    @property
    def act(self) -> Act | None:
        return self.story.acts[self.next] if self.next < len(self.story.acts) else None


class Load:
    """`start` it, then wait until `is_over`. `done` counts what was done, `given_up` what never became possible."""

    def __init__(self, site: str, shop: ShopAdmin, api: Server, bng: BngAdmin, stories: Sequence[Story]) -> None:
        self.done: Counter[str] = Counter()
        self.given_up: list[str] = []
        self._site = site
        self._shop = shop
        self._api = api
        self._bng = bng
        self._customers: dict[int, int] = {}
        self._open = len(stories)
        self._tickets = itertools.count()
        self._due: list[tuple[float, int, Progress]] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._began_s = 0.0
        self._stories = stories
        self._acts: dict[str, Callable[[Progress, dict[str, Any]], None]] = {
            "register": self._register,
            "checkout": self._checkout,
            "move": self._move,
            "comment": self._comment,
            "hold": self._change("/hold"),
            "unhold": self._change("/unhold"),
            "cancel": self._change("/cancel"),
            "edit": self._edit,
            "edit_customer": self._edit_customer,
            "delete_customer": self._delete_customer,
            "ship_part": self._ship_part,
            "ship": self._ship,
            "set_status": self._set_status,
            "count_stock": self._count_stock,
        }

    def start(self) -> None:
        """Register the lasting customers, then begin."""
        self._customers = {number: register(self._api, number) for number in range(CUSTOMERS)}
        self._began_s = time.monotonic()
        for story in self._stories:
            self._queue(Progress(story), 0.0)
        for number in range(WORKERS):
            threading.Thread(target=self._work, name=f"load {number}", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    @property
    def changes(self) -> int:
        return sum(self.done.values())

    @property
    def is_over(self) -> bool:
        """Every story has come to its end."""
        with self._lock:
            return self._open == 0

    # Who is next

    def _queue(self, progress: Progress, not_before_s: float) -> None:
        with self._lock:
            act = progress.act
            if act is None:
                self._open -= 1
                return
            heapq.heappush(self._due, (max(act.at_s, not_before_s), next(self._tickets), progress))

    def _work(self) -> None:
        while not self._stop.is_set():
            progress = self._take()
            if progress is None:
                time.sleep(LOOK_S)
            else:
                self._perform(progress)

    def _take(self) -> Progress | None:
        with self._lock:
            if not self._due or self._due[0][0] > self._now_s():
                return None
            return heapq.heappop(self._due)[2]

    def _perform(self, progress: Progress) -> None:
        act = progress.act
        assert act is not None
        progress.since_s = progress.since_s or self._now_s()
        try:
            self._acts[act.kind](progress, act.args)
        except Pointless:
            self._turn_page(progress)
        except (CallFailed, NotYet, OSError, HTTPException) as error:
            if self._now_s() - progress.since_s > PATIENCE_S:
                self.given_up.append(f"{progress.story.name}: {act.kind}: {error}")
                progress.next = len(progress.story.acts)
            self._queue(progress, self._now_s() + AGAIN_S)
        else:
            with self._lock:
                self.done[act.kind] += 1
            self._turn_page(progress)

    def _turn_page(self, progress: Progress) -> None:
        progress.next += 1
        progress.since_s = None
        self._queue(progress, 0.0)

    def _now_s(self) -> float:
        return time.monotonic() - self._began_s

    # What people do

    def _register(self, _progress: Progress, args: dict[str, Any]) -> None:
        number = args["customer"]
        try:
            self._customers[number] = register(self._api, number)
        except CallFailed as error:
            if error.status != HTTPStatus.BAD_REQUEST:
                raise
            self._customers[number] = find_customer(self._api, number)  # an earlier try did it, and its answer was lost

    def _checkout(self, progress: Progress, args: dict[str, Any]) -> None:
        args = dict(args)
        if "customer" in args:
            args["customer_id"] = self._customers[args.pop("customer")]
        progress.order_id = self._shop.checkout(**args)["order_id"]

    def _move(self, progress: Progress, _args: dict[str, Any]) -> None:
        revision = progress.revision + 1
        self._shop.post(
            "/address", order_id=progress.order_id, street=[f"Umzugsweg {progress.order_id}, rev{revision}"]
        )
        progress.revision = revision

    def _comment(self, progress: Progress, _args: dict[str, Any]) -> None:
        self._shop.post("/comment", order_id=progress.order_id, comment="Bitte klingeln")

    def _change(self, path: str) -> Callable[[Progress, dict[str, Any]], None]:
        def act(progress: Progress, _args: dict[str, Any]) -> None:
            try:
                self._shop.post(path, order_id=progress.order_id)
            except CallFailed as error:
                # Not possible in this state: an earlier try did it, and its answer was lost.
                if error.status == 400 and " hold" in error.body:
                    raise Pointless from error
                raise

        return act

    def _edit(self, progress: Progress, _args: dict[str, Any]) -> None:
        """The story goes on with the new order. When that went wrong half way, the clerk cancels the old one."""
        try:
            progress.order_id = self._shop.post("/edit", order_id=progress.order_id)["order_id"]
        except (CallFailed, OSError, HTTPException):
            self._shop.post("/cancel", order_id=progress.order_id)
            progress.next = len(progress.story.acts) - 1
            return
        progress.revision = 0

    def _edit_customer(self, _progress: Progress, args: dict[str, Any]) -> None:
        self._shop.post("/customer", customer_id=self._customers[args["customer"]], **args["fields"])

    def _delete_customer(self, _progress: Progress, args: dict[str, Any]) -> None:
        try:
            self._shop.call("DELETE", f"/customer/{self._customers[args['customer']]}")
        except CallFailed as error:
            if error.status == HTTPStatus.NOT_FOUND:
                raise Pointless from error  # an earlier try did it, and its answer was lost
            raise

    def _ship_part(self, progress: Progress, args: dict[str, Any]) -> None:
        part = first_part(self._sales_order(progress))
        if part is None:
            raise Pointless
        self._send(progress, args["boxes"], part)

    def _ship(self, progress: Progress, args: dict[str, Any]) -> None:
        self._send(progress, args["boxes"], None)

    def _send(self, progress: Progress, boxes: int, lines: list[dict[str, Any]] | None) -> None:
        number = progress.shipments + 1
        tracks = [f"JJD{progress.order_id:05d}{number}{box}" for box in range(boxes)]
        try:
            self._bng.ship(self._external_id(progress), tracks, lines)
        except CallFailed as error:
            # Nobody cuts these answers, so a second try finds the shelf as the first one left it.
            raise NotYet(str(error)) from error
        progress.shipments = number

    def _set_status(self, progress: Progress, args: dict[str, Any]) -> None:
        self._bng.post("/status", ExternalID=self._external_id(progress), OrderStatus=args["status"])

    def _count_stock(self, _progress: Progress, args: dict[str, Any]) -> None:
        self._bng.set_stock(args["sku"], WAREHOUSE, args["on_hand"])

    def _sales_order(self, progress: Progress) -> dict[str, Any]:
        found: dict[str, Any] = self._bng.get(f"/sales-orders/{self._external_id(progress)}")
        return found

    def _external_id(self, progress: Progress) -> str:
        return f"{self._site}-{progress.order_id}"


def find_customer(api: Server, number: int) -> int:
    """Raises NotYet when the shop has no customer with that address."""
    by_email = "searchCriteria[filterGroups][0][filters][0]"
    found = api.get(f"/rest/V1/customers/search?{by_email}[field]=email&{by_email}[value]={email_of(number)}")["items"]
    if not found:
        raise NotYet(email_of(number))
    return int(found[0]["id"])
