"""The exact energy of QAOA on an edge of the infinite regular tree, and the angles that are best there.

At depth p an edge's energy depends on the vertices within p steps of it alone, so that this is the energy of every
edge of a regular graph without cycles of 2 p + 1 edges or fewer (Basso, Farhi, Marwaha, Villalonga and Zhou,
arXiv:2110.14206, section 3, at finite degree). The sum over paths of a vertex, one bit for each moment, is carried
along the branches; products of paths are XOR of bits, so that a step is a convolution by Walsh-Hadamard transforms.

Two symmetries leave 4^p real numbers. All is the same when every bit is flipped, so that paths are counted relative
to their bit in the middle. Time turned round conjugates: by the p bits of the ket and those of the bra, what is
carried is a Hermitian matrix, and the real part plus the imaginary part hold both.

Angles are those of exp(-i beta_r sum X) exp(-i gamma_r C) for r = 1 to p, C the number of edges that are cut.
"""

from __future__ import annotations

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.linalg import hadamard
from scipy.optimize import minimize

from counterpoint.base import BadInput, Floats
from counterpoint.workloads.optimise.angles import Angles, interpolated

DEPTH = 12  # 16 million numbers a step
BLOCK = 6  # bits that one matrix of the transform acts on
TOLERANCE = 1e-6  # of the gradient at the optimum: rounding hides less where p is 10
START = Angles((0.6,), (0.4,))  # at depth 1 of degree 3; others are close by

citation = (
    "@inproceedings{Basso2022, title={The quantum approximate optimization algorithm at high depth for {MaxCut} on"
    " large-girth regular graphs and the {Sherrington-Kirkpatrick} model}, author={Basso, Joao and Farhi, Edward and"
    " Marwaha, Kunal and Villalonga, Benjamin and Zhou, Leo}, booktitle={Theory of Quantum Computation, Communication"
    " and Cryptography (TQC)}, pages={7:1--7:21}, year={2022}}\n"
    "@article{Zhou2020, title={Quantum approximate optimization algorithm: performance, mechanism, and implementation"
    " on near-term devices}, author={Zhou, Leo and Wang, Sheng-Tao and Choi, Soonwon and Pichler, Hannes and Lukin,"
    " Mikhail D.}, journal={Physical Review X}, volume={10}, pages={021067}, year={2020}}"
)


def cut_fraction(angles: Angles, degree: int) -> float:
    """The chance that an edge of the `degree`-regular tree is cut. Raises BadInput as `best`."""
    _check(degree, angles.depth)
    with jax.enable_x64(True):
        return float(_cut(jnp.array([angles.gammas, angles.betas], jnp.float64), degree))


def gradient(angles: Angles, degree: int) -> tuple[float, Floats]:
    """The same, and its derivatives (2, p) by the gammas and the betas, an inverse rad. Raises BadInput as `best`."""
    _check(degree, angles.depth)
    with jax.enable_x64(True):
        value, slope = _slope(jnp.array([angles.gammas, angles.betas], jnp.float64), degree)
        return float(value), np.asarray(slope)


def best(degree: int, depth: int, start: Angles | None = None) -> Angles:
    """A local maximum of the cut fraction by BFGS, from `start` at the same depth or the one below.

    Without a start the depths from 1 upwards are gone through, each from the last one interpolated (INTERP: Zhou et
    al., arXiv:1812.01041, appendix B). Raises BadInput for a degree below 2, and a depth outside 1 to 12.
    """
    _check(degree, depth)
    if start is None:
        start = START if depth == 1 else best(degree, depth - 1)
    if start.depth < depth:
        start = interpolated(start)

    def loss(flat: Floats) -> tuple[float, Floats]:
        value, slope = gradient(Angles.of(flat), degree)
        return -value, -slope.ravel()

    return Angles.of(minimize(loss, start.flat, jac=True, method="BFGS", options={"gtol": TOLERANCE}).x)


def _check(degree: int, depth: int) -> None:
    if degree < 2:
        raise BadInput(f"a tree of degree {degree} was asked for and 2 is the least: give a larger one")
    if not 1 <= depth <= DEPTH:
        raise BadInput(f"depth {depth} was asked for and trees are summed up to {DEPTH}: give 1 to {DEPTH}")


@partial(jax.jit, static_argnums=1)
def _cut(both: jax.Array, degree: int) -> jax.Array:
    """Cut fraction at gammas and betas (2, p) in rad."""
    mixing, phases = _mixing(both[1]), _phases(both[0] / 2)
    path = jnp.outer(mixing, mixing.conj())
    kernel = jnp.outer(phases, phases.conj())

    def level(branch: jax.Array, _: None) -> tuple[jax.Array, None]:
        """From the branches below every child to those below its parent."""
        carried = _transformed(kernel.real * _transformed(_folded(path * branch)))
        return lax.integer_pow(_unfolded(carried), degree - 1), None

    branch, _ = lax.scan(level, jnp.ones_like(path), length=both.shape[1])
    whole = _unfolded(_transformed(_folded(path * branch)))
    return 0.5 + (kernel.imag * whole.real * whole.imag).sum()


_slope = jax.jit(jax.value_and_grad(_cut), static_argnums=1)


def _mixing(betas: jax.Array) -> jax.Array:
    """(2^p,) amplitude of each path through the mixers to a final 0, its first bit the highest."""
    p = betas.size
    bits = _bits(p)
    flips = bits ^ np.append(bits[:, 1:], np.zeros((2**p, 1), np.uint8), axis=1)
    return jnp.where(flips, -1j * jnp.sin(betas), jnp.cos(betas).astype(jnp.complex128)).prod(axis=1)


def _phases(halves: jax.Array) -> jax.Array:
    """(2^p,) transform of exp(i halves . s) over spins s, by its 2^p."""
    return jnp.where(_bits(halves.size), 1j * jnp.sin(halves), jnp.cos(halves).astype(jnp.complex128)).prod(axis=1)


def _bits(p: int) -> np.ndarray:
    """(2^p, p) uint8."""
    return (np.arange(2**p)[:, None] >> np.arange(p - 1, -1, -1) & 1).astype(np.uint8)


def _folded(hermitian: jax.Array) -> jax.Array:
    return hermitian.real + hermitian.imag


def _unfolded(real: jax.Array) -> jax.Array:
    return lax.complex(real + real.T, real - real.T) / 2


def _transformed(real: jax.Array) -> jax.Array:
    """The Walsh-Hadamard transform of both indices of (2^p, 2^p)."""
    return _half(_half(real))


def _half(real: jax.Array) -> jax.Array:
    """That of the first index, which then is the second."""
    size = len(real)
    low = min(size, 2**BLOCK)
    cube = real.reshape(size // low, low, size)
    cube = jnp.matmul(_sylvester(low), cube)
    if low < size:
        cube = jnp.matmul(_sylvester(size // low), cube.reshape(size // low, low * size))
    return cube.reshape(size, size).T


@lru_cache
def _sylvester(size: int) -> Floats:
    return hadamard(size).astype(np.float64)
