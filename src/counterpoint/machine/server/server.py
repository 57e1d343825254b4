"""A machine over HTTP: jobs are put, looked at and cancelled by clients with tokens and quotas."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path as Folder
from threading import Lock
from typing import Annotated, Any, final

import uvicorn
from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from counterpoint import __version__
from counterpoint.base import BadInput, Job, Key, Machine, Price, fold_in
from counterpoint.circuits.circuit import GATES
from counterpoint.govern.charter import Charter
from counterpoint.machine.checks import Unavailable
from counterpoint.machine.programs import check_results
from counterpoint.machine.server.api import ErrorOut, JobIn, JobOut, LimitsOut, MachineOut, PriceOut, QuotaOut
from counterpoint.machine.server.faulty import App, Faulty
from counterpoint.machine.server.gate import CLIENT, OPEN, STUCK, Gate
from counterpoint.machine.server.limits import Limits, Refused
from counterpoint.machine.server.queue import Queue, Status
from counterpoint.machine.server.worker import Worker
from counterpoint.machine.wire import circuit_of, key_of

HOST = "127.0.0.1"  # nobody outside: a proxy or a tunnel with TLS stands before it
LONGEST_LOOK = 60.0  # seconds
STOPPING = 0.2  # seconds between two looks at whether the server stops
PATIENCE = 10.0  # seconds that a stop waits for the running job
REFUSALS = {
    401: "No token, or one that is not known.",
    403: "The quota of shots does not last.",
    404: "The client has no job with this id.",
    409: "Another job has the id, or the job has begun.",
    411: "The body's length is not said.",
    413: "Too many bytes or shots.",
    422: "The message or the circuit is none.",
    429: "Too many jobs of the client wait.",
    503: "The queue or the machine cannot be used at this moment: ask again.",
}

Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The client's own name of the job.")]
Wait = Annotated[float, Query(ge=0, le=LONGEST_LOOK, description="Seconds to wait for the job to end.")]


@final
class Server:
    """One machine, its queue and its worker behind one address on this computer."""

    def __init__(
        self, machine: Machine, folder: Folder, charter: Charter, *, port: int, limits: Limits, faults: float, key: Key
    ) -> None:
        """Port 0 is any that is free, and `faults` the probability that a request meets one.

        Raises BadInput for a port that is taken, a folder that cannot be used, and a probability outside 0 to 1.
        """
        self._machine, self._limits, self._pricing = machine, limits, Lock()
        self._looking: dict[tuple[str, str], set[asyncio.Future[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        with ExitStack() as stack:
            self._queue = stack.enter_context(Queue.open(folder))
            self._worker = Worker(machine, charter, folder, self._queue, self._ended, self.stop)
            gate = Gate(self._app(), self._queue, limits.bytes)
            self.faulty = Faulty(gate, faults, fold_in(key, "faults"))
            app: App = self.faulty if faults else gate
            config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", server_header=False)
            self._uvicorn = uvicorn.Server(config)
            self._socket = _listen(port)
            stack.pop_all()

    @property
    def url(self) -> str:
        """The address."""
        return f"http://{HOST}:{self._socket.getsockname()[1]}"

    def run(self, begun: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`, or until this is interrupted; `begun` is called once jobs can be taken.

        Raises BadInput where another server has the folder, or queue or ledger cannot be written any more, and whatever
        else ended the worker.
        """
        try:
            self._worker.start()
            begun()
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._socket.close()
            if self._worker.stop(PATIENCE):
                self._queue.close()
        if self._worker.problem is not None:
            raise self._worker.problem

    def stop(self) -> None:
        """End `run`, from any thread."""
        self._uvicorn.should_exit = True

    def _app(self) -> FastAPI:
        app = FastAPI(
            title="counterpoint: a machine over HTTP",
            version=__version__,
            docs_url=None,  # these pages fetch scripts from elsewhere
            redoc_url=None,
            dependencies=[Depends(HTTPBearer(auto_error=False))],  # described here, checked by the gate
            exception_handlers={BadInput: _refused, RequestValidationError: _invalid, HTTPException: _other},
        )
        told = {"model": JobOut}
        ours = {status: {"model": ErrorOut, "description": why} for status, why in REFUSALS.items()}
        job = "/jobs/{id}"
        app.add_api_route(
            job,
            self._put,
            methods=["PUT"],
            status_code=201,
            summary="Submit; the same again changes nothing",
            response_class=Response,
            responses={201: told, 200: told} | _of(ours, 401, 403, 409, 411, 413, 422, 429, 503),
        )
        app.add_api_route(
            job,
            self._get,
            methods=["GET"],
            summary="How a job stands; what came of it",
            response_class=Response,
            responses={200: told} | _of(ours, 401, 404, 422, 503),
        )
        app.add_api_route(
            job,
            self._delete,
            methods=["DELETE"],
            summary="Cancel a job that has not begun",
            response_class=Response,
            responses={200: told} | _of(ours, 401, 404, 409, 422, 503),
        )
        app.add_api_route(
            "/price",
            self._tell_price,
            methods=["POST"],
            summary="What a job would use; nothing is queued",
            response_model=PriceOut,
            responses=_of(ours, 401, 411, 413, 422, 503),
        )
        app.add_api_route(
            "/machine",
            self._describe,
            methods=["GET"],
            summary="The machine, and what this client may do with it",
            response_model=MachineOut,
            responses=_of(ours, 401, 503),
        )
        return app

    async def _put(self, request: Request, id: Id, job: JobIn) -> Response:
        client = request.scope[CLIENT]
        text = json.dumps(job.model_dump(exclude_none=True))
        new = not self._queue.same(client, id, text)
        if new:
            await asyncio.to_thread(self._priced, job)
            new = self._queue.put(client, id, text, job.shots, self._limits.queued)
            self._worker.wake()
        return _told(id, self._queue.status(client, id), 201 if new else 200)

    async def _tell_price(self, job: JobIn) -> PriceOut:
        return PriceOut(**asdict(await asyncio.to_thread(self._priced, job)))

    def _priced(self, job: JobIn) -> Price:
        """What the job will use, in a thread: reading a long one must not keep others waiting.

        Raises Refused and BadInput where it is too large, or none that the machine can run, or the machine is away.
        """
        circuit = circuit_of(job.circuit.model_dump(exclude_none=True))
        asked = Job(circuit, self._machine.space.start[None], job.shots, job.cycles, "", key_of(job.key))
        self._limits.check(asked)
        check_results(circuit, job.shots)
        with self._pricing:
            try:
                return self._machine.price(asked)
            except Unavailable as problem:
                raise Refused(503, str(problem)) from None

    async def _get(self, request: Request, id: Id, wait: Wait = 0.0) -> Response:
        client = request.scope[CLIENT]
        return _told(id, await self._ends(client, id, wait))

    async def _delete(self, request: Request, id: Id) -> Response:
        return _told(id, self._queue.cancel(request.scope[CLIENT], id))

    async def _describe(self, request: Request) -> MachineOut:
        own = self._queue.clients()[request.scope[CLIENT]]
        return MachineOut(
            name=self._machine.name,
            version=__version__,
            limits=LimitsOut(**asdict(self._limits) | {"qubits": self._limits.most_qubits}),
            client=QuotaOut(**asdict(own)),
            gates=list(GATES),
            waiting=self._queue.waiting(),
        )

    async def _ends(self, client: str, id: str, wait: float) -> Status:
        """How the job stands once it has ended, or after `wait` seconds, or when the server stops."""
        self._loop = asyncio.get_running_loop()
        until, here = self._loop.time() + wait, (client, id)
        over = self._loop.create_future()
        self._looking.setdefault(here, set()).add(over)
        try:
            while True:
                found = self._queue.status(client, id)
                left = min(until - self._loop.time(), STOPPING)
                if found.state not in ("queued", "running") or left <= 0 or self._uvicorn.should_exit:
                    return found
                await asyncio.wait({over}, timeout=left)
        finally:
            self._looking[here].discard(over)
            if not self._looking[here]:
                del self._looking[here]

    def _ended(self, client: str, id: str) -> None:
        """Tell those who wait for it; called in the worker's thread."""
        with suppress(RuntimeError):  # the loop was closed: nobody waits
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._tell, (client, id))

    def _tell(self, here: tuple[str, str]) -> None:
        for over in self._looking.get(here, ()):
            if not over.done():
                over.set_result(None)


def _told(id: str, found: Status, status: int = 200) -> Response:
    """A `JobOut`, written without reading the shots again."""
    head = json.dumps({"id": id, "state": found.state, "reason": found.reason, "unavailable": found.unavailable})
    return Response(f'{head[:-1]}, "shots": {found.result or "null"}}}', status, media_type="application/json")


def _of(all: dict[int, Any], *statuses: int) -> dict[int | str, Any]:
    return {status: all[status] for status in statuses}


async def _refused(request: Request, problem: Exception) -> Response:
    if isinstance(problem, Unavailable):  # of the queue, said to who runs the server
        return JSONResponse({"detail": STUCK}, 503)
    status = problem.status if isinstance(problem, Refused) else 422
    return JSONResponse({"detail": str(problem)}, status)


async def _invalid(request: Request, problem: Exception) -> Response:
    """The first thing that is wrong with a message."""
    assert isinstance(problem, RequestValidationError)
    fault = problem.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "json_invalid":
        sentence = f"the {where.partition('.')[0]} is no JSON ({fault['ctx']['error']}): send a JSON object"
    elif isinstance(fault["input"], bytes):
        sentence = f"a body of {len(fault['input'])} bytes came without Content-Type: application/json: say so"
    else:
        sentence = f"'{where}' is {fault['input']!r:.60} ({fault['msg']}): send what {OPEN} describes"
    return JSONResponse({"detail": sentence}, 422)


async def _other(request: Request, problem: Exception) -> Response:
    """What the framework refuses by itself."""
    assert isinstance(problem, HTTPException)
    if problem.status_code == 400:
        return JSONResponse({"detail": "the body cannot be read as JSON: send a JSON object in UTF-8"}, 422)
    sentence = f"{request.method} {request.url.path} is not known ({problem.detail}): use what {OPEN} describes"
    return JSONResponse({"detail": sentence}, problem.status_code)


def _listen(port: int) -> socket.socket:
    listening = socket.socket(proto=socket.IPPROTO_TCP)  # said, or asyncio leaves Nagle's algorithm on: 40 ms an answer
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise BadInput(f"port {port} of {HOST} cannot be used ({error}): name another with --port") from None
    return listening
