"""``counterpoint serve-machine``: who else may use my machine, and for how many shots?"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from counterpoint.base import BadInput
from counterpoint.cli.interrupt import interruptible
from counterpoint.cli.options import Seed, charter_line
from counterpoint.cli.sources import whole
from counterpoint.govern.charter import EXPERIMENT, Charter
from counterpoint.loop.machines import machine_named
from counterpoint.machine.server.limits import Limits
from counterpoint.machine.server.queue import Queue

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="MACHINE", help="As counterpoint check takes it; without one, --client is all that is done."
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 is any that is free.")]
Folder = Annotated[Path, typer.Option("--store", help="Folder of the queue and the server's own ledger.")]
Client = Annotated[str | None, typer.Option(help="Make this client and print its token, or change its quota.")]
Quota = Annotated[
    int | None, typer.Option(parser=whole, metavar="SHOTS", help="That the client may use in all.", show_default=False)
]
NewToken = Annotated[bool, typer.Option("--new-token", help="Give the client a new token; its old one ends.")]
CharterFile = Annotated[
    Path | None,
    typer.Option("--charter", help="What the server allows. Default: the built-in one.", show_default=False),
]
Most = Annotated[int, typer.Option("--shots", parser=whole, metavar="N", help="That one job may have.")]
Qubits = Annotated[
    int | None, typer.Option(min=1, help="That one job may have. Default: 10,000, or what the machine takes.")
]
Faults = Annotated[float, typer.Option(min=0, max=1, help="For tests: the share of requests that meet a fault.")]


def serve_machine(
    machine: Name = None,
    port: Port = 8470,
    store: Folder = Path("counterpoint-server"),
    client: Client = None,
    quota: Quota = None,
    new_token: NewToken = False,
    charter: CharterFile = None,
    shots: Most = Limits.shots,
    qubits: Qubits = None,
    faults: Faults = 0.0,
    seed: Seed = 0,
) -> None:
    """Offer a machine over HTTP to clients with tokens, each with a quota of shots.

    It listens on 127.0.0.1 alone: a proxy or a tunnel with TLS brings others in. Ctrl-C stops it; what is queued runs
    when it is started again.
    """
    from counterpoint.machine.server.server import Server  # the web framework would slow every other verb's start

    with interruptible():
        if machine is None:
            return _admit(store, client, quota, new_token)
        rules = EXPERIMENT if charter is None else Charter.load(charter)
        made = machine_named(machine, (seed,))
        server = Server(
            made, store, rules, port=port, limits=Limits(shots=shots, qubits=qubits), faults=faults, key=(seed,)
        )
        _admit(store, client, quota, new_token)  # what stands in the way was told before a token is
        typer.echo(charter_line(rules))
        with suppress(KeyboardInterrupt):
            server.run(lambda: typer.echo(f"serving  {made.name} at {server.url}"))
        if faults:
            typer.echo(f"faults   {', '.join(f'{kind} {count}' for kind, count in server.faulty.met.items())}")
        typer.echo("stopped: what is queued runs when it is started again")
    return None


def _admit(store: Path, client: str | None, quota: int | None, new_token: bool) -> None:
    """Make or change a client. Raises BadInput where there is none, or half of what is needed was given."""
    with Queue.open(store) as queue:
        known = queue.clients()
        if client is None:
            if quota is not None or new_token:
                given = "--quota" if quota is not None else "--new-token"
                raise BadInput(f"{given} was given and no client: name one with --client")
            if not known:
                raise BadInput(f"the server in {store} has 0 clients: make one with --client NAME --quota SHOTS")
            return
        token = None
        if quota is not None:
            token = queue.admit(client, quota)
        elif client not in known:
            raise BadInput(f"client '{client}' is not among {len(known)} clients: give it --quota SHOTS")
        if new_token and token is None:
            token = queue.renew(client)
        account = queue.clients()[client]
    typer.echo(f"client   {client}: {account.used:,} of {account.quota:,} shots used")
    if token is not None:
        typer.echo(f"token    {token} (shown once; COUNTERPOINT_TOKEN)")
