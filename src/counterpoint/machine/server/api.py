"""What travels between a server and its clients, as models that describe it in OpenAPI."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from counterpoint.machine.wire import MOST_SHOTS, MOST_WORDS


class Part(BaseModel):
    """A part of a message: without keys that nobody reads, and nothing is taken for what it is not."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CircuitIn(Part):
    """One of both."""

    stim: str | None = Field(None, description="Text of a stim circuit without noise.")
    qasm: str | None = Field(None, description="OpenQASM 3.")


class JobIn(Part):
    """A job, run with the machine's knobs as they are."""

    circuit: CircuitIn
    shots: int = Field(ge=1, le=MOST_SHOTS)
    cycles: int = Field(
        1, ge=1, le=MOST_SHOTS, description="Error-correction cycles in a shot; 1 where there are none."
    )
    key: list[int] = Field(
        default=[0], min_length=1, max_length=MOST_WORDS, description="Randomness of a simulated machine."
    )


class ShotsOut(Part):
    """What came of a job. Bits are base64 of whole bytes a shot, bit k of a shot in byte k // 8 as 1 << (k % 8)."""

    detection_events: str
    observables: str = Field(description="Flips, as stim has them.")
    measurements: str = Field(description="Where there are no detectors and observables: every measured bit in order.")
    controls: list[list[float]] = Field(description="The machine's knobs, as they were.")
    started: float = Field(description="Machine time in seconds.")
    seconds: float = Field(description="Machine time used.")


class JobOut(Part):
    """How a job stands."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    reason: str = Field(description="Where it failed or was cancelled, one sentence.")
    unavailable: bool = Field(description="It failed because of the machine: another may run the same job.")
    shots: ShotsOut | None = Field(description="Where it is done.")


class PriceOut(Part):
    """What a job uses."""

    cycles: int
    shots: int
    seconds: float = Field(description="Machine time.")
    spend: float = Field(description="Money, in the server's currency.")


class LimitsOut(Part):
    """What one client may ask for."""

    shots: int = Field(description="Of a job.")
    bits: int = Field(description="Measurements, detectors and observables of all shots of a job.")
    operations: int = Field(description="Of a job, repeated ones as often as they are.")
    bytes: int = Field(description="Of a request.")
    characters: int = Field(description="Of an OpenQASM text.")
    queued: int = Field(description="Jobs that wait or run.")
    qubits: int = Field(description="Of a job; a machine may have fewer.")


class QuotaOut(Part):
    """Shots of this client."""

    quota: int
    used: int


class MachineOut(Part):
    """The machine, and what this client may do with it."""

    name: str
    version: str = Field(description="Of counterpoint.")
    limits: LimitsOut
    client: QuotaOut
    gates: list[str] = Field(description="That an OpenQASM circuit may use; a machine may have fewer.")
    waiting: int = Field(description="Jobs of all clients that wait or run.")


class ErrorOut(Part):
    """What is wrong and the way out, in one sentence."""

    detail: str
