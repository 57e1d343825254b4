"""A machine that another counterpoint serves over HTTP, as a machine of one's own."""

from __future__ import annotations

import time
import weakref
from contextlib import suppress
from typing import Any, final
from urllib.parse import urlsplit

import httpx

from counterpoint.base import BadInput, Job, Price
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.queued import Looked, QueuedMachine
from counterpoint.machine.wire import job_plain, shots_of
from counterpoint.store.jobs import Jobs

SECONDS = 10.0  # for an answer, besides what the server was asked to wait
AGAIN = (408, 429)  # a time-out, and too many jobs that wait
PAUSES = (0.1, 0.3, 0.6)  # seconds
HERE = ("127.0.0.1", "::1", "localhost")
SENT = ("circuit", "shots", "cycles", "key")  # the knobs stay as they are


class _Unknown(BadInput):
    """The server does not know what it was asked for."""


def connect(url: str, token: str, jobs: Jobs) -> QueuedMachine:
    """The machine that is served at `url`.

    Raises:
        BadInput: no address, no or a wrong token, no counterpoint server.
        Unavailable: nobody answers.
    """
    return QueuedMachine(Remote(url, token), jobs)


@final
class Remote:
    """A server of ours as a provider of queued jobs; the ticket is the job's id there, too."""

    def __init__(self, url: str, token: str) -> None:
        """Asks the server who it is. Raises BadInput and Unavailable as `connect`."""
        try:
            parts = urlsplit(url)
            _ = parts.port  # which is read only when it is asked for
            httpx.URL(url)
        except (ValueError, httpx.InvalidURL):
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"'{url}' is no address of a machine: give one such as http://127.0.0.1:8470")
        if not token.isascii() or not token.isprintable():
            raise BadInput(
                f"a token of {len(token)} characters has some that no token has: give it as the server printed it"
            )
        self._url = url.rstrip("/")
        head = {"Authorization": f"Bearer {token}"} if token else {}
        # A proxy cannot reach this computer's own servers.
        self._http = httpx.Client(headers=head, trust_env=parts.hostname not in HERE)
        weakref.finalize(self, self._http.close)
        about = self._met()
        try:
            self._name = str(about["name"])
        except KeyError:
            raise BadInput(
                f"{url} answers, but not as a machine does: give the address that serve-machine printed"
            ) from None

    @property
    def name(self) -> str:
        """The machine's own name and where it is."""
        return f"{self._name} at {self._url}"

    def price(self, job: Job) -> Price:
        """What the server says that it will use. Raises BadInput with its sentence where it cannot be run there."""
        found = self._ask("POST", "/price", self._sent(job))
        try:
            return Price(**found)
        except TypeError:
            raise BadInput(f"{self._url} tells a price of {', '.join(found)}: update counterpoint there") from None

    def submit(self, job: Job, ticket: str) -> str:
        """Queue `job` under its ticket. Raises BadInput with the server's own sentence where it refuses."""
        self._ask("PUT", f"/jobs/{ticket}", self._sent(job))
        return ticket

    def look(self, job: Job, id: str, wait: float) -> Looked:
        """How the job stands, after up to `wait` seconds."""
        try:
            found = self._ask("GET", f"/jobs/{id}?wait={wait:g}", wait=wait)
        except _Unknown as lost:  # the server's queue is another one by now
            return Looked("failed", reason=str(lost))
        try:
            shots = shots_of(found["shots"], job) if found["state"] == "done" else None
            return Looked(found["state"], shots, found["reason"], found["unavailable"])
        except KeyError as missing:
            raise BadInput(f"{self._url} says nothing of {missing} of job {id}: update counterpoint there") from None

    def cancel(self, id: str) -> None:
        """Take the job out of the queue. Raises BadInput where it has begun."""
        self._ask("DELETE", f"/jobs/{id}")

    def _met(self) -> dict[str, Any]:
        """The server's description, asked for more than once: at first nobody waits who would ask again."""
        for pause in PAUSES:
            with suppress(Unavailable):
                return self._ask("GET", "/machine")
            time.sleep(pause)
        return self._ask("GET", "/machine")

    def _sent(self, job: Job) -> dict[str, Any]:
        plain = job_plain(job)
        return {name: plain[name] for name in SENT}

    def _ask(self, method: str, path: str, content: dict[str, Any] | None = None, wait: float = 0.0) -> dict[str, Any]:
        """The server's answer. Raises Unavailable where there is none, or one that it may be asked again for."""
        try:
            answer = self._http.request(method, self._url + path, json=content, timeout=SECONDS + wait)
        except (httpx.TransportError, UnicodeError) as error:
            raise Unavailable(
                f"no machine answers at {self._url} ({type(error).__name__}: {error}): check the address, or start one "
                "there with counterpoint serve-machine"
            ) from None
        try:
            found = answer.json()
        except ValueError:
            found = None
        if answer.is_success and isinstance(found, dict):
            return found
        detail = found.get("detail") if isinstance(found, dict) else None
        sentence = f"{self._url} says: {detail or f'{answer.status_code} {answer.reason_phrase}'}"
        if answer.status_code in AGAIN or answer.status_code >= 500:
            raise Unavailable(sentence)
        raise (_Unknown if answer.status_code == 404 else BadInput)(sentence)
