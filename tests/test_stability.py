"""Stability experiments: certain outcomes, and a distance that grows with the rounds."""

from __future__ import annotations

import pytest

from counterpoint.base import BadInput
from counterpoint.codes.native import native
from counterpoint.codes.noise import UniformDepolarizing
from counterpoint.codes.stability import stability


@pytest.mark.parametrize("basis", ["X", "Z"])
@pytest.mark.parametrize("size", [2, 4, 6])
@pytest.mark.parametrize("rounds", [1, 2, 3, 5])
def test_only_a_chain_through_every_round_flips_the_product(size, rounds, basis):
    circuit = stability(size, rounds, basis)
    circuit.detector_error_model()  # raises where a detector or the product is random
    for made in (circuit, native(circuit)):
        assert len(UniformDepolarizing(1e-3).noisy(made).shortest_graphlike_error()) == rounds


@pytest.mark.parametrize("basis", ["X", "Z"])
@pytest.mark.parametrize("size", [2, 4, 6, 8])
def test_counts(size, basis):
    circuit = stability(size, 3, basis)
    assert circuit.num_qubits == 2 * size**2 + 1  # one check more than data qubits: their product is the identity
    others = size**2 // 2 - size + 1  # checks that are known at the start and closed at the end
    assert circuit.num_detectors == 2 * (size**2 + 1) + 2 * others


def test_text_does_not_grow_with_the_rounds():
    assert len(str(stability(4, 900))) - len(str(stability(4, 10))) < 200


@pytest.mark.parametrize(
    ("given", "shown"), [((3, 3), "3"), ((0, 3), "0"), ((-2, 3), "-2"), ((4, 0), "0"), ((4, 3, "Y"), "'Y'")]
)
def test_bad_input(given, shown):
    with pytest.raises(BadInput, match="give") as error:
        stability(*given)
    assert f" {shown} " in str(error.value)
