"""The state of the quantum approximate optimisation algorithm for any Ising problem, its objective and gradient.

A layer is exp(-i beta M) exp(i gamma E): phases by a table of all 2^n energies E, then the mixer M on every qubit.
Where qubit i starts at the angle theta_i from |0>, M_i = sin theta_i X + cos theta_i Z has the start as its highest
state; pi/2 is the usual |+> and X. One function is compiled for each number of qubits and layers. Double precision.

The gradient goes back through the layers with the state and its adjoint alone (Jones and Gacon, arXiv:2009.02823), so
that memory does not grow with depth, and it compiles and runs faster than what JAX derives.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.optimize import minimize

from counterpoint.base import Floats
from counterpoint.circuits.compiled import compiled
from counterpoint.circuits.vector import each, phased, product
from counterpoint.workloads.optimise.angles import Angles

citation = (
    "@article{Jones2020, title={Efficient calculation of gradients in classical simulations of variational quantum"
    " algorithms}, author={Jones, Tyson and Gacon, Julien}, journal={arXiv:2009.02823}, year={2020}}"
)

TOLERANCE = 1e-6  # of the gradient, where the objective is in units of the problem's typical weight


def amplitudes(table: Floats, angles: Angles, tilts: Floats) -> jax.Array:
    """(2^n,) complex128 state, qubit 0 the lowest bit: energies `table` (2^n,), start at `tilts` (n,) rad from |0>."""
    with jax.enable_x64(True):
        return _ready(jnp.asarray(table), _both(angles), jnp.asarray(tilts))


def objective(table: Floats, angles: Angles, tilts: Floats, share: float) -> tuple[float, Floats]:
    """The mean of the lowest `share` of the energies, and its derivatives (2 p,) by the gammas, then the betas."""
    with jax.enable_x64(True):
        value, slope = _slope(jnp.asarray(table), _order(table, share), _both(angles), jnp.asarray(tilts), share)
        return float(value), np.asarray(slope).ravel()


def optimised(table: Floats, start: Angles, tilts: Floats, share: float, scale: float) -> Angles:
    """A local minimum of the objective by BFGS with its exact gradient; `scale` is a typical weight of the problem."""
    units = np.repeat([scale, 1.0], start.depth)  # a gamma is as large as the inverse weight
    with jax.enable_x64(True):
        fixed = jnp.asarray(table / scale), _order(table, share)
        tilted = jnp.asarray(tilts)

        def loss(flat: Floats) -> tuple[float, Floats]:
            value, slope = _slope(*fixed, jnp.asarray(flat.reshape(2, -1)), tilted, share)
            return float(value), np.asarray(slope).ravel()

        found = minimize(loss, start.flat * units, jac=True, method="BFGS", options={"gtol": TOLERANCE})
    return Angles.of(found.x / units)


def _both(angles: Angles) -> jax.Array:
    return jnp.array([angles.gammas, angles.betas], jnp.float64)


def _order(table: Floats, share: float) -> jax.Array | None:
    """The basis states by energy, where they are needed."""
    return None if share == 1 else jnp.asarray(np.argsort(table))


def _state(table: jax.Array, both: jax.Array, tilts: jax.Array) -> jax.Array:
    """The state at gammas and betas (2, p)."""
    halves = jnp.stack([jnp.cos(tilts / 2), jnp.sin(tilts / 2)], 1)
    start = product(lax.complex(halves, jnp.zeros_like(halves)))

    def layer(before: jax.Array, angles: jax.Array) -> tuple[jax.Array, None]:
        return each(phased(before, -angles[0], table), _mixing(angles[1], tilts)), None

    return lax.scan(layer, start, both.T)[0]


_ready = compiled(_state)


def _mixing(beta: jax.Array, tilts: jax.Array) -> jax.Array:
    """(n, 2, 2) exp(-i beta M_i)."""
    sine, cosine = jnp.sin(tilts), jnp.cos(tilts)
    mixer = jnp.stack([cosine, sine, sine, -cosine], 1).reshape(-1, 2, 2)
    still = jnp.broadcast_to(jnp.cos(beta) * jnp.eye(2), mixer.shape)
    return lax.complex(still, -jnp.sin(beta) * mixer)


@compiled
def _slope(
    table: jax.Array, order: jax.Array | None, both: jax.Array, tilts: jax.Array, share: float
) -> tuple[jax.Array, jax.Array]:
    """The objective and its derivatives (2, p)."""
    state = _state(table, both, tilts)
    value, weights = _tail(table, order, state.real**2 + state.imag**2, share)

    def back(after: tuple[jax.Array, jax.Array], angles: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        state, adjoint = after
        one = jnp.ones_like(angles[1])
        state, turned = jax.jvp(lambda beta: each(state, _mixing(-beta, tilts)), (angles[1],), (one,))
        adjoint = each(adjoint, _mixing(-angles[1], tilts))
        by_beta = -2 * jnp.vdot(adjoint, turned).real
        by_gamma = -2 * jnp.vdot(adjoint, state * table).imag
        return (phased(state, angles[0], table), phased(adjoint, angles[0], table)), jnp.stack([by_gamma, by_beta])

    _, slopes = lax.scan(back, (state, weights * state), both.T, reverse=True)
    return value, slopes.T


def _tail(table: jax.Array, order: jax.Array | None, chances: jax.Array, share: float) -> tuple[jax.Array, jax.Array]:
    """The mean of the lowest `share` of the energies, and its derivatives (2^n,) by the chances, up to a constant."""
    if order is None:
        return chances @ table, table
    ordered = chances[order]
    upto = jnp.cumsum(ordered)
    taken = jnp.clip(share - (upto - ordered), 0, ordered)
    last = table[order[jnp.minimum(jnp.searchsorted(upto, share), table.size - 1)]]
    return taken @ table[order] / share, jnp.minimum(table - last, 0) / share
