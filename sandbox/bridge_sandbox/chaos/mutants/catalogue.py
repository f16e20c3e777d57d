"""The mutants: each takes away one mechanism of DESIGN.md, and names the faults that only this mechanism survives."""

from dataclasses import dataclass

from bridge_sandbox.chaos.mutants.checkout import Edit

RECEIVER = "bridge/bng_bridge/receiver.py"
DELIVER = "bridge/bng_bridge/deliver.py"
LOCKS = "bridge/bng_bridge/locks.py"
RELAY = "agent/magento_agent/relay.py"
CAPTURE = "agent/magento_agent/capture.py"
SESSION = "agent/magento_agent/session.py"


@dataclass(frozen=True)
class Mutant:
    """`breaks` says what is taken away; `faults` are the kinds of faults that must show it."""

    name: str
    breaks: str
    faults: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    no_keys: bool = False
    rate: float = 7.5
    per_minute: float = 14.0


MUTANTS = (
    Mutant(
        "receipt-before-commit",
        "the bridge acknowledges and receipts a batch when it comes in, and commits it meanwhile",
        ("kill_bridge_in_commit",),
        (
            Edit(
                RECEIVER,
                "            await self._store_batch(connection, site, packet)\n",
                "            early = decode_batch(packet.payload, site)\n"
                "            epoch = early[0][0].version.epoch\n"
                "            receipt = {'batch': packet.properties['batch'], 'epoch': epoch, 'stored': len(early)}\n"
                "            packet.ack()\n"
                "            await self._answer(connection, site, topics.RECEIPTS, receipt)\n"
                "            self._storing = asyncio.ensure_future(self._store_batch(connection, site, packet))\n",
            ),
        ),
        rate=15.0,
        per_minute=8.0,
    ),
    Mutant(
        "delete-without-receipt",
        "the agent deletes outbox rows as soon as the broker has taken their batch",
        ("wipe_broker_without_bridge",),
        (
            Edit(
                RELAY,
                "            await self._publish(batch, expiry_s)\n",
                "            await self._publish(batch, expiry_s)\n"
                "            self.receive_receipt(batch.id, self._capture.epoch)\n",
            ),
        ),
        rate=18.0,
        per_minute=5.0,
    ),
    Mutant(
        "blind-retry",
        "a write of unknown outcome is sent again without resolving its intent",
        ("bng_late", "bng_cut_after", "shop_late"),
        (Edit(DELIVER, "        if intent is None:\n            return\n", "        if True:\n            return\n"),),
        no_keys=True,
    ),
    Mutant(
        "no-target-lock",
        "several writers may be at one target record at once",
        ("bng_stall", "kill_agent"),
        (Edit(LOCKS, "            async with lock:\n", "            if lock:\n"),),
        no_keys=True,
    ),
    Mutant(
        "version-from-outbox-ids",
        "an event's version is its highest outbox id, not a number drawn after the rows were read",
        ("commit_out_of_order",),
        (
            Edit(
                CAPTURE,
                "[Version(self.epoch, next(self._numbers)) for _ in changes]",
                "[Version(self.epoch, max(row[0] for row in change.rows)) for change in changes]",
            ),
        ),
    ),
    Mutant(
        "boot-epoch",
        "the agent keeps the epoch of its start over all its connections",
        ("network_reset", "kill_broker"),
        (
            Edit(
                SESSION,
                "        self._parts.health.epoch = epoch\n        if self._relaying",
                "        epoch = _OF_THE_BOOT.setdefault('epoch', epoch)\n"
                "        self._parts.health.epoch = epoch\n        if self._relaying",
            ),
            Edit(SESSION, "\n\nclass Session:\n", "\n\n_OF_THE_BOOT: dict[str, int] = {}\n\n\nclass Session:\n"),
        ),
    ),
)
CONTROLS = (
    Mutant(
        "control",
        "nothing: the product as it is, under the faults of all mutants",
        tuple(dict.fromkeys(kind for mutant in MUTANTS for kind in mutant.faults)),
        no_keys=True,
    ),
)
