"""One line per state change: `action=… key=value …` (logfmt) on standard error; systemd adds time and unit.

Never a payload: personal data stays out of logs. Actions are a closed list, so that `grep action=` is complete.
"""

import logging
import os
import re
import sys
from typing import Any

ACTIONS = frozenset(
    {
        "started", "stopping", "stopped", "reloaded", "reload_refused", "deployed", "rolled_back", "bundle_refused",
        "flow_switched",
        "alert", "alert_ended", "alert_sent", "alert_failed", "bug",
        "broker_connected", "broker_lost", "welcomed", "hello",
        "captured", "published", "receipted", "republished", "receipt_ignored", "unreadable",
        "outbox_installed", "outbox_uninstalled", "outbox_unreadable", "outbox_readable",
        "triggers_wrong", "triggers_stand", "triggers_unseen",
        "shop_unreadable", "shop_readable", "publish_refused",
        "gateway_executed", "gateway_refused",
        "stored", "undecodable", "settled", "postponed", "retried", "dead", "requeued", "discarded", "edited",
        "written", "unchanged", "resolved", "intent_opened", "outcome_unknown",
        "hint_stored", "webhook_refused", "polled", "poll_failed", "rescued", "cleaned", "throttled", "slowed",
        "subscribed", "subscribe_failed",
        "reemitted", "manifest", "manifest_missing", "manifest_failed",
        "swept", "sweep_found", "sweep_failed",
        "stock_checked", "stock_check_failed",
        "linked", "unlinked",
        "clock_set",
    }
)  # fmt: skip

_TO_QUOTE = re.compile(r'[ "=\n]')
_logger = logging.getLogger("bridge")


def setup(*, level: int = logging.INFO) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("<%(priority)d>%(message)s" if _under_systemd() else "%(message)s"))
    handler.addFilter(_add_priority)
    _logger.handlers[:] = [handler]
    # Looked up for every line, and in none of them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    _logger.setLevel(level)
    _logger.propagate = False


def log(action: str, *, level: int = logging.INFO, exc_info: bool = False, **fields: Any) -> None:
    if action not in ACTIONS:
        raise ValueError(f"{action} is not a listed action")
    if _logger.isEnabledFor(level):
        text = " ".join(f"{key}={_value(value)}" for key, value in {"action": action, **fields}.items())
        _logger.log(level, "%s", text, exc_info=exc_info)


def _value(value: Any) -> str:
    text = str(value)
    if text and not _TO_QUOTE.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _add_priority(record: logging.LogRecord) -> bool:
    record.priority = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4}.get(record.levelno, 3)
    return True


def _under_systemd() -> bool:
    return "JOURNAL_STREAM" in os.environ
