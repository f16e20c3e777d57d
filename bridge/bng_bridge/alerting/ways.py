"""How an alert leaves the bridge: a command that gets it on standard input, a webhook in the form of Standard Webhooks.

Both have a deadline. What fails is told by NotSent; the alert is in the log in any case.
"""

import asyncio
import contextlib
import os
import signal
import uuid
from typing import Any, Protocol

import aiohttp
from standardwebhooks.webhooks import Webhook

from bridge_common import decimal_json
from bridge_common.clock import utc_now
from bridge_common.errors import BridgeError
from bridge_common.http import exchange

DEADLINE_S = 10.0
PAUSES_S = (1.0, 5.0)
TEXT_KEPT = 200


class NotSent(BridgeError):
    """The sentence says why."""


class Way(Protocol):
    name: str
    attempts: int

    async def send(self, document: dict[str, Any], *, attempts: int) -> str:
        """What happened, in a few words. Raises NotSent."""
        ...


class Command:
    """Run once for each notification, without a shell; what it starts is killed with it at the deadline."""

    name = "command"
    attempts = 1

    def __init__(self, command: tuple[str, ...], *, deadline_s: float = DEADLINE_S) -> None:
        self._command = command
        self._deadline_s = deadline_s

    async def send(self, document: dict[str, Any], *, attempts: int) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise NotSent(f"{self._command[0]} cannot be started: {error.strerror}") from error
        try:
            async with asyncio.timeout(self._deadline_s):
                _, text = await process.communicate(decimal_json.dumps(document).encode() + b"\n")
        except TimeoutError as error:
            raise NotSent(f"{self._command[0]} did not end within {self._deadline_s:g} s and was killed") from error
        finally:
            _kill(process)
            await process.wait()
        if process.returncode:
            raise NotSent(f"{self._command[0]} ended with {process.returncode}: {_beginning(text)}")
        return f"{self._command[0]} ended with 0"


class WebhookPost:
    """POST; a refusal is final, anything else is tried a few times under one id, by which a receiver knows it again."""

    name = "webhook"
    attempts = 1 + len(PAUSES_S)

    def __init__(self, session: aiohttp.ClientSession, url: str, signer: Webhook | None) -> None:
        self._session = session
        self._url = url
        self._signer = signer

    async def send(self, document: dict[str, Any], *, attempts: int) -> str:
        message_id = f"msg_{uuid.uuid4().hex}"
        body = {"type": f"alert.{document['state']}", "timestamp": document["at"], "data": document}
        for pause_s in (*PAUSES_S[: attempts - 1], None):
            try:
                return await self._post(message_id, body)
            except NotSent as error:
                if pause_s is None or isinstance(error, _Refused):
                    raise
                await asyncio.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    async def _post(self, message_id: str, body: dict[str, Any]) -> str:
        headers = self._headers(message_id, body)
        try:
            answer = await exchange(self._session, "POST", self._url, timeout_s=DEADLINE_S, headers=headers, body=body)
        except BridgeError as error:
            raise NotSent(error.message) from error
        said = f"the webhook answered {answer.status}"
        if answer.status < 300:
            return said
        raise _Refused(said) if answer.status < 500 and answer.status not in (408, 429) else NotSent(said)

    def _headers(self, message_id: str, body: dict[str, Any]) -> dict[str, str]:
        if self._signer is None:
            return {}
        now = utc_now()
        # Signed is the text that `exchange` sends.
        signature = self._signer.sign(message_id, now, decimal_json.dumps(body))
        seconds = str(int(now.timestamp()))
        return {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": signature}


class _Refused(NotSent):
    """By a receiver that would refuse it again."""


def _kill(process: asyncio.subprocess.Process) -> None:
    """Its whole group: a script's own children would keep on running."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _beginning(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "replace").split())[:TEXT_KEPT] or "it said nothing"
