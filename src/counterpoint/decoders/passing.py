"""Min-sum message passing for sixteen shots side by side, compiled by numba.

A *lane* is one shot's place in a vector of sixteen numbers, and no lane's arithmetic depends on another's. numba has
no vectors of its own, so a type and a dozen functions give it LLVM's, which the compiler keeps in registers.

Of a check's messages only the two least sizes are kept, and of each of its mechanisms whether the sign is turned and
whether its own size is the least: 32 bits for sixteen messages. So the messages of a large model stay in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

from counterpoint.decoders.compiled import compiled

LANES = 16
MOST = np.float32(1000)  # no message is surer: sums stay exact to a thousandth, and a check of one mechanism finite
_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_WORDS = ir.VectorType(ir.IntType(32), LANES)
_TRUTHS = ir.VectorType(ir.IntType(1), LANES)
_MASK = ir.IntType(LANES)
_SIGN = ir.Constant(_WORDS, [1 << 31] * LANES)
_REST = ir.Constant(_WORDS, [(1 << 31) - 1] * LANES)
_ZERO = ir.Constant(_WORDS, [0] * LANES)

Singles = NDArray[np.float32]
Masks = NDArray[np.uint16]  # bit l is lane l's


class Checks(NamedTuple):
    """C checks over M mechanisms, E of them in all, check by check."""

    begin: NDArray[np.int32]  # (C + 1,) where each check's mechanisms begin
    mechanism: NDArray[np.int32]  # (E,)


class Beliefs(NamedTuple):
    """What sixteen shots believe; log-odds, positive where the mechanism is believed not to have happened."""

    total: Singles  # (M, 16) bias and all messages
    bias: Singles  # (M, 16) prior and memory
    strength: Singles  # (M, 16) of the memory
    happened: Masks  # (M,) total is negative
    first: Singles  # (C, 16) least size that comes into each check, scaled
    second: Singles  # (C, 16) and the second least
    turned: Masks  # (E,) is the check's message to the mechanism negative?
    own: Masks  # (E,) is the first size the mechanism's own?
    fired: Masks  # (C,)
    row: Singles  # (largest check, 16) scratch


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__("Lanes")


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _FLOATS)


_LANES = _LanesType()


def _vector(returned: Any, *taken: Any) -> Callable[[Callable[..., Any]], Any]:
    """A function for numba from one that writes its instructions, given builder and arguments."""

    def made(write: Callable[..., Any]) -> Any:
        signature = returned(*taken)

        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return write(builder, *arguments)

        if len(taken) == 1:
            return intrinsic(lambda typing, a: (signature, generate))
        if len(taken) == 2:
            return intrinsic(lambda typing, a, b: (signature, generate))
        return intrinsic(lambda typing, a, b, c: (signature, generate))

    return made


def _pointer(context: Any, builder: Any, kind: Any, array: Any, row: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [builder.mul(row, ir.Constant(row.type, LANES))]), _FLOATS.as_pointer())


def _load(typing, array, row):
    """Row `row` of an (N, 16) float32 array."""

    def generate(context, builder, signature, arguments):
        return builder.load(_pointer(context, builder, signature.args[0], *arguments), align=4)

    return _LANES(array, types.intp), generate


load: Any = intrinsic(_load)


def _store(typing, array, row, lanes):
    """Write row `row` of an (N, 16) float32 array."""

    def generate(context, builder, signature, arguments):
        builder.store(arguments[2], _pointer(context, builder, signature.args[0], *arguments[:2]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, _LANES), generate


store: Any = intrinsic(_store)


@_vector(_LANES, types.float32)
def spread(builder, a):
    """The same number in every lane."""
    one = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), a, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, ir.Constant(_FLOATS, ir.Undefined), _ZERO)


@_vector(_LANES, _LANES, _LANES)
def plus(builder, a, b):
    return builder.fadd(a, b)


@_vector(_LANES, _LANES, _LANES)
def minus(builder, a, b):
    return builder.fsub(a, b)


@_vector(_LANES, _LANES, _LANES)
def times(builder, a, b):
    return builder.fmul(a, b)


@_vector(_LANES, _LANES, _LANES)
def least(builder, a, b):
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


@_vector(_LANES, _LANES, _LANES)
def most(builder, a, b):
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


@_vector(_LANES, _LANES)
def size(builder, a):
    return builder.bitcast(builder.and_(builder.bitcast(a, _WORDS), _REST), _FLOATS)


@_vector(types.uint16, _LANES)
def negative(builder, a):
    """Mask of the lanes whose sign bit is set."""
    return builder.bitcast(builder.icmp_signed("<", builder.bitcast(a, _WORDS), _ZERO), _MASK)


@_vector(types.uint16, _LANES, _LANES)
def equal(builder, a, b):
    return builder.bitcast(builder.fcmp_ordered("==", a, b), _MASK)


@_vector(_LANES, types.uint16, _LANES, _LANES)
def choose(builder, mask, a, b):
    """`a` in the lanes of the mask, `b` in the others."""
    return builder.select(builder.bitcast(mask, _TRUTHS), a, b)


@_vector(_LANES, types.uint16, _LANES)
def turn(builder, mask, a):
    """The other sign in the lanes of the mask."""
    words = builder.bitcast(a, _WORDS)
    return builder.bitcast(builder.select(builder.bitcast(mask, _TRUTHS), builder.xor(words, _SIGN), words), _FLOATS)


def quiet(checks: Checks, mechanisms: int) -> Beliefs:
    """Room for what sixteen shots believe about this many mechanisms."""
    count, edges = len(checks.begin) - 1, len(checks.mechanism)
    wide = [np.zeros((mechanisms, LANES), np.float32) for _ in range(3)]
    return Beliefs(
        *wide,
        happened=np.zeros(mechanisms, np.uint16),
        first=np.zeros((count, LANES), np.float32),
        second=np.zeros((count, LANES), np.float32),
        turned=np.zeros(edges, np.uint16),
        own=np.zeros(edges, np.uint16),
        fired=np.zeros(count, np.uint16),
        row=np.zeros((int(np.diff(checks.begin).max(initial=1)), LANES), np.float32),
    )


@compiled
def start(x, lane, events):
    """Give `lane` the (C,) uint8 events of another shot, and no messages."""
    bit = np.uint16(1 << lane)
    for c in range(len(events)):
        x.fired[c] = (x.fired[c] | bit) if events[c] else (x.fired[c] & ~bit)
    forget(x, lane)


@compiled
def forget(x, lane):
    """Take the messages of `lane` back."""
    for c in range(len(x.first)):
        x.first[c, lane] = 0
        x.second[c, lane] = 0


@compiled
def remember(x, weight, memory, fresh, turned):
    """The bias of the next iteration: (1 - strength) weight + strength total (Müller et al. 2025, eq. 4).

    Lanes of the mask `fresh` begin from the weights with the strength `memory`; those of `turned` begin a leg from
    what the one before it believed.
    """
    one = spread(np.float32(1))
    even = spread(memory)
    for m in range(len(weight)):
        prior = spread(weight[m])
        total = choose(fresh, prior, load(x.total, m))
        before = choose(fresh, prior, choose(turned, total, load(x.bias, m)))
        strength = choose(fresh, even, load(x.strength, m))
        bias = plus(times(minus(one, strength), prior), times(strength, total))
        store(x.strength, m, strength)
        store(x.bias, m, bias)
        store(x.total, m, plus(total, minus(bias, before)))


@compiled
def sweep(checks, x, scale):
    """Each check after the other sends new messages, from totals that hold those of the checks before it.

    Such a serial schedule needs a third of the iterations that all checks at once would. Messages are scaled
    (normalized min-sum).
    """
    damp = spread(scale)
    for c in range(len(checks.begin) - 1):
        begin = checks.begin[c]
        count = checks.begin[c + 1] - begin
        old_first, old_second = load(x.first, c), load(x.second, c)
        first = spread(MOST)
        second = first
        odd = x.fired[c]
        for i in range(count):
            e = begin + i
            sent = turn(x.turned[e], choose(x.own[e], old_second, old_first))
            rest = minus(load(x.total, checks.mechanism[e]), sent)
            store(x.row, i, rest)
            second = least(second, most(size(rest), first))
            first = least(first, size(rest))
            odd = np.uint16(odd ^ negative(rest))
        new_first, new_second = times(first, damp), times(second, damp)
        store(x.first, c, new_first)
        store(x.second, c, new_second)
        for i in range(count):
            e = begin + i
            rest = load(x.row, i)
            own = equal(size(rest), first)
            turned = np.uint16(odd ^ negative(rest))
            x.own[e] = own
            x.turned[e] = turned
            store(x.total, checks.mechanism[e], plus(rest, turn(turned, choose(own, new_second, new_first))))


@compiled
def unsettled(checks, x):
    """Decide what happened; the mask of the lanes whose events that does not explain."""
    for m in range(len(x.happened)):
        x.happened[m] = negative(load(x.total, m))
    wrong = np.uint16(0)
    for c in range(len(checks.begin) - 1):
        odd = x.fired[c]
        for e in range(checks.begin[c], checks.begin[c + 1]):
            odd ^= x.happened[checks.mechanism[e]]
        wrong |= odd
    return wrong


@compiled
def weigh(x, lane, weight, marks, found):
    """The weight of what `lane` believes to have happened; `found` becomes the sum of its (M, B) uint8 `marks`."""
    found[:] = 0
    total = np.float32(0)
    for m in range(len(weight)):
        if x.happened[m] >> lane & 1:
            total += weight[m]
            for b in range(len(found)):
                found[b] ^= marks[m, b]
    return total
