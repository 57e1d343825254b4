"""A server that errs on purpose, so that a client can be tried: some requests are lost, doubled, late or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, final

import numpy as np

from counterpoint.base import BadInput, Key

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

KINDS = ("error", "lost", "twice", "late")
LATEST = 0.3  # seconds by which an answer is late at most


@final
class Faulty:
    """The server `app`, each request met by a fault with a probability.

    The faults, as likely each: 500 or 503 before anything is done; done, but the answer is cut off; handled twice, the
    second answer given; done, and answered up to 0.3 s late, so that later requests are answered first.
    """

    def __init__(self, app: App, probability: float, key: Key) -> None:
        """Raises BadInput for a probability outside 0 to 1."""
        if not 0 <= probability <= 1:
            raise BadInput(f"faults were asked for with probability {probability}: give a number from 0 to 1")
        self._app, self._probability, self._random = app, probability, np.random.default_rng(key)
        self.met = dict.fromkeys(KINDS, 0)  # how often each came

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer as ASGI 3 has it."""
        if scope["type"] != "http" or self._random.random() >= self._probability:
            await self._app(scope, receive, send)
            return
        kind = KINDS[self._random.integers(len(KINDS))]
        self.met[kind] += 1
        again, answer = await _body(receive), list[Message]()

        async def keep(message: Message) -> None:
            answer.append(message)

        if kind == "error":
            status = 500 if self._random.random() < 1 / 2 else 503
            await _say(send, whole(status, b'{"detail":"a fault on purpose"}'))
            return
        await self._app(dict(scope), _replay(again), keep)
        if kind == "lost":  # begun and never ended, so that the connection is closed
            await send(whole(200, b"lost")[0])
            return
        if kind == "twice":
            answer.clear()
            await self._app(dict(scope), _replay(again), keep)
        if kind == "late":
            await asyncio.sleep(self._random.random() * LATEST)
        await _say(send, answer)


async def _body(receive: Receive) -> bytes:
    parts, more = list[bytes](), True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes) -> Receive:
    """What gives the body once, and then never anything: a client that waits has not gone."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    return receive


async def _say(send: Send, messages: list[Message]) -> None:
    for message in messages:
        await send(message)


def whole(status: int, body: bytes) -> list[Message]:
    """A whole answer of JSON, its head and its body."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return [
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body},
    ]
