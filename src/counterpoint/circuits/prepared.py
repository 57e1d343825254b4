"""A parameterised circuit compiled to a function of its parameters and data: the amplitudes that it prepares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any, Protocol, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from counterpoint.base import BadInput
from counterpoint.circuits.ansatz import Angle, Ansatz
from counterpoint.circuits.matrices import MATRICES
from counterpoint.circuits.stages import Run, Stage, runs, stages
from counterpoint.circuits.vector import blocks, each, multiplied, permuted, phased, product, zero

PAULIS = np.array([MATRICES[name]() for name in ("id", "x", "z", "y")])  # so that XOR of numbers is the product


class Prepared(Protocol):
    """A circuit that is ready to run; it can be compiled and differentiated with all that is made of it."""

    def __call__(
        self, parameters: jax.Array, data: jax.Array | None = None, paulis: jax.Array | None = None
    ) -> jax.Array: ...


def prepared(ansatz: Ansatz) -> Prepared:
    """The amplitudes (2^n,) for `parameters` (P,), or (B, 2^n) for `data` (B, D), in the precision of the parameters.

    `paulis` (B, L, n) int are errors of each qubit after each of the L layers (`stages.stages`), one row of the batch
    each: 0 to 3 for I, X, Z, Y (`noisy.sampled_paulis`). Layers that repeat are one loop. Make the function once.

    The function raises BadInput for parameters or data of another shape, and for parameters that are no floats.
    """
    layers = stages(ansatz)
    turned = [layer.kind == "turns" for layer in layers] + [True]
    alone = [not here and not after for here, after in pairwise(turned)]
    follows = [False, *turned]  # of each layer, whether it follows turns
    shapes = [(layer.shape(ansatz.qubits), *flags) for layer, *flags in zip(layers, alone, follows, strict=False)]
    pieces = [_Piece(ansatz.qubits, layers, alone, run) for run in runs(shapes)]

    def prepare(parameters: jax.Array, data: jax.Array | None = None, paulis: jax.Array | None = None) -> jax.Array:
        given = _Given(ansatz, jnp.asarray(parameters), data, paulis)
        start = zero(ansatz.qubits, given.dtype)
        amplitudes = jnp.broadcast_to(start, (*given.batch, start.size))
        for piece in pieces:
            amplitudes = piece.run(amplitudes, given)
        if layers and layers[-1].kind != "turns" and paulis is not None:
            return each(amplitudes, given.errors(len(layers) - 1))
        return amplitudes

    return prepare


@final
class _Given:
    """The numbers that a circuit runs on."""

    def __init__(self, ansatz: Ansatz, parameters: jax.Array, data: jax.Array | None, paulis: jax.Array | None) -> None:
        if parameters.shape != (ansatz.parameters,) or not jnp.issubdtype(parameters.dtype, jnp.floating):
            raise BadInput(
                f"parameters of shape {parameters.shape} and type {parameters.dtype} were given and the circuit takes "
                f"{ansatz.parameters}: give so many floats"
            )
        shape = None if data is None else data.shape
        if (shape is None and ansatz.data) or (shape is not None and shape[1:] != (ansatz.data,)):
            raise BadInput(
                f"data of shape {shape} were given and one datum of the circuit has {ansatz.data} numbers: give "
                f"(B, {ansatz.data})"
            )
        self.dtype = np.dtype(np.complex128 if parameters.dtype == np.float64 else np.complex64)
        self.paulis = paulis
        self.batch = data.shape[:1] if data is not None else () if paulis is None else paulis.shape[:1]
        self.count = ansatz.parameters
        self.shared = jnp.concatenate([parameters, jnp.zeros(1, parameters.dtype)])  # the last for constants
        self.data = None if data is None else data.astype(parameters.dtype)

    def angles(self, angles: Sequence[Sequence[Angle]], has_data: bool) -> jax.Array:
        """(T, K) of T rows of K angles each, or (T, B, K)."""
        constant, scale = (np.array([[getattr(a, x) for a in row] for row in angles]) for x in ("constant", "scale"))
        index = np.array([[self._place(a) for a in row] for row in angles], np.int32)
        values = self.shared
        if (index >= self.count).all():
            values = lax.stop_gradient(values)  # none is a parameter: nothing is to be differentiated
        if has_data:
            assert self.data is not None
            spread = jnp.broadcast_to(values, (len(self.data), values.size))
            values = jnp.moveaxis(jnp.concatenate([spread, self.data], axis=1)[:, index], 0, 1)
            constant, scale = constant[:, None], scale[:, None]
        else:
            values = values[index]
        return jnp.asarray(constant, values.dtype) + jnp.asarray(scale, values.dtype) * values

    def errors(self, stage: int) -> jax.Array:
        """(B, n, 2, 2) what happens after a layer."""
        assert self.paulis is not None
        return jnp.asarray(PAULIS, self.dtype)[self.paulis[:, stage]]

    def _place(self, angle: Angle) -> int:
        if angle.datum is not None:
            return self.count + 1 + angle.datum
        return self.count if angle.parameter is None else angle.parameter


@final
@dataclass(frozen=True)
class _Piece:
    """Layers that are run `times` over."""

    qubits: int
    layers: Sequence[Stage]
    alone: Sequence[bool]  # of each layer, whether errors after it cannot be put into turns
    where: Run

    def run(self, amplitudes: jax.Array, given: _Given) -> jax.Array:
        """The amplitudes after it."""
        operands = [self._operands(k, given) for k in range(self.where.length)]
        if self.where.times > 1:
            return lax.scan(lambda before, some: (self._once(before, some), None), amplitudes, operands)[0]
        if self.where.first == 0 and self.layers[0].kind == "turns":  # of |0...0>: no product is needed
            states = self._matrices([0], given)[0, ..., 0]
            return product(jnp.broadcast_to(states, (*given.batch, self.qubits, 2)))
        return self._once(amplitudes, jax.tree.map(lambda x: x[0], operands))

    def _once(self, amplitudes: jax.Array, operands: Sequence[dict[str, Any]]) -> jax.Array:
        for k, some in enumerate(operands):
            layer = self.layers[self.where.first + k]
            if layer.kind == "turns":
                amplitudes = multiplied(amplitudes, some["blocks"])
            elif layer.kind == "permutation":
                amplitudes = permuted(amplitudes, layer.order(self.qubits))
            else:
                amplitudes = _phases(amplitudes, layer, some["angles"], self.qubits)
            if "errors" in some:
                amplitudes = each(amplitudes, some["errors"])
        return amplitudes

    def _operands(self, k: int, given: _Given) -> dict[str, Any]:
        """What a layer of the piece needs, for each time that it runs."""
        numbers = [self.where.first + t * self.where.length + k for t in range(self.where.times)]
        made: dict[str, Any] = {}
        layers = [self.layers[s] for s in numbers]
        if layers[0].kind == "turns":
            made["blocks"] = blocks(self._matrices(numbers, given))
        elif layers[0].kind == "phases":
            made["angles"] = given.angles([layer.sources for layer in layers], layers[0].has_data)
        if self.alone[numbers[0]] and given.paulis is not None:
            made["errors"] = jnp.stack([given.errors(s) for s in numbers])
        return made

    def _matrices(self, numbers: Sequence[int], given: _Given) -> jax.Array:
        """(T, n, 2, 2) or (T, B, n, 2, 2) of T layers of turns alike, the errors around them included."""
        matrices = _turned([self.layers[s] for s in numbers], given, self.qubits)
        if given.paulis is None:
            return matrices
        after = jnp.stack([given.errors(s) for s in numbers])
        none = jnp.broadcast_to(jnp.eye(2, dtype=given.dtype), after.shape[1:])
        matrices = _times(after, matrices if matrices.ndim > 4 else matrices[:, None])
        if numbers[0] and self.layers[numbers[0] - 1].kind == "turns":
            return matrices  # errors before them are in those turns already
        before = jnp.stack([given.errors(s - 1) if s else none for s in numbers])
        return _times(matrices, before)


def _turned(layers: Sequence[Stage], given: _Given, qubits: int) -> jax.Array:
    """(T, n, 2, 2) or (T, B, n, 2, 2) of layers of turns."""
    terms = jnp.asarray(layers[0].rounds(qubits)[0], given.dtype)
    rows = [[angle for row in layer.rounds(qubits)[1] for angle in row] for layer in layers]
    angles = given.angles(rows, layers[0].has_data)
    angles = angles.reshape(*angles.shape[:-1], *terms.shape[:2])
    half = angles / 2
    basis = jnp.stack([jnp.ones_like(angles), jnp.cos(half), jnp.sin(half), jnp.cos(angles), jnp.sin(angles)], -1)
    made = (basis.astype(given.dtype)[..., None, None] * terms).sum(axis=-3)
    return reduce(lambda before, after: _times(after, before), jnp.moveaxis(made, -4, 0))


def _times(a: jax.Array, b: jax.Array) -> jax.Array:
    """Products of (..., 2, 2), which are too small for a call of their own."""
    return (a[..., :, :, None] * b[..., None, :, :]).sum(axis=-2)


def _phases(amplitudes: jax.Array, layer: Stage, angles: jax.Array, qubits: int) -> jax.Array:
    constant, tables = layer.tables(qubits)
    if constant.any():
        amplitudes = amplitudes * jnp.asarray(np.exp(-1j * constant), amplitudes.dtype)
    if len(tables) == 1:
        return phased(amplitudes, angles[..., 0], tables[0])
    if not len(tables):
        return amplitudes
    xs = jnp.moveaxis(angles, -1, 0), jnp.asarray(tables, angles.dtype)
    return lax.scan(lambda before, x: (phased(before, *x), None), amplitudes, xs)[0]
