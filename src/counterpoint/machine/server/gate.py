"""The gate of a server: nobody passes without a token, and nothing that is too large."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any, final

from counterpoint.machine.checks import Unavailable
from counterpoint.machine.server.faulty import App, Receive, Send, whole
from counterpoint.machine.server.queue import Queue

OPEN = "/openapi.json"  # what anybody may read
CLIENT = "counterpoint.client"  # in the scope: who has passed
STUCK = "the server cannot use its queue at this moment: ask again later, or tell who runs it"


@final
class Gate:
    """The server `app` behind tokens and a limit of bytes."""

    def __init__(self, app: App, queue: Queue, most: int) -> None:
        """`most` bytes may be in the body of a request."""
        self._app, self._queue, self._most = app, queue, most

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer as ASGI 3 has it; who asks is `scope[CLIENT]`."""
        if scope["type"] == "http" and scope["path"] != OPEN:
            headers = dict(scope["headers"])
            kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
            try:
                client = self._queue.who(token) if kind.lower() == "bearer" else None
            except Unavailable:
                await _refuse(send, 503, STUCK)
                return
            if client is None:
                given = "a token that is not known" if token else "no token"
                await _refuse(send, 401, f"{given} was given: give the one that who runs the server has made for you")
                return
            size = headers.get(b"content-length", b"0")
            if b"transfer-encoding" in headers:
                await _refuse(send, 411, "a body of unknown length was sent: say its Content-Length")
                return
            if int(size) > self._most:
                while (await receive()).get("more_body", False):  # else who sends it never reads why
                    pass
                await _refuse(
                    send,
                    413,
                    f"a request of {int(size):,} bytes was sent and {self._most:,} may be: send a smaller job",
                )
                return
            scope[CLIENT] = client
        await self._app(scope, receive, send)


async def _refuse(send: Send, status: int, sentence: str) -> None:
    for message in whole(status, json.dumps({"detail": sentence}).encode()):
        await send(message)
