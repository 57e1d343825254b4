"""What speaks for each class of a shot: the lightest sets of errors of the class, what is near them, what beliefs say.

Two witnesses are asked. The model: the lightest set of each class, and its degeneracy (lightest.py). Beliefs, the
log-odds that belief propagation gives each mechanism (posteriors.py): the set of each class that is lightest under
them. Each sees what the other is blind to, for the first counts only what lies near one set, and the second takes
mechanisms for independent that are not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from counterpoint.base import Bits, Floats
from counterpoint.decoders.compiled import compiled
from counterpoint.decoders.exchange import Exchanges
from counterpoint.decoders.lightest import flip, merged, near_exchanges, near_loops, settled
from counterpoint.decoders.mechanisms import Ints
from counterpoint.decoders.posteriors import Singles

Numbers = NDArray[np.int32]
WEIGHT, NEAR, ROOTS, BELIEVED, CROSSED, OPPOSED = range(6)
SIZES = 6  # and how many members fire 1, 2, 3 and at least 4 detectors
WIDTH = SIZES + 4
MOST = 64  # members that a class has for itself and that are told
_LARGEST = 512  # members of a proposal that are kept
_TABLE = 1 << 15  # places in the table of exchanges that were counted


class Sets(NamedTuple):
    """Some sets of the M mechanisms, as the steps in lightest.py take them."""

    on: NDArray[np.bool_]  # (sets, M) is the mechanism in it?
    members: Ints  # (sets, M) first its members, in any order
    place: Ints  # (sets, M) of each member among these
    size: Ints  # (sets,)


class Scratch(NamedTuple):
    """Room that the steps in lightest.py need."""

    owner: Ints  # (D,)
    loop: Ints  # (2 M,)
    differ: Ints  # (2 M,)
    table: Ints  # names of what was counted
    used: Ints  # places in the table
    near: Floats  # (M,)


@compiled
def _sets(number, mechanisms):
    return Sets(
        np.zeros((number, mechanisms), np.bool_),
        np.zeros((number, mechanisms), np.int64),
        np.zeros((number, mechanisms), np.int64),
        np.zeros(number, np.int64),
    )


@compiled
def _emptied(sets, i):
    on, members, place, n = sets.on[i], sets.members[i], sets.place[i], sets.size[i]
    while n > 0:
        n = flip(on, members, place, n, members[n - 1])
    sets.size[i] = 0


@compiled
def _copied(members, count, sets, i):
    """Make set `i`, which is empty, of these members."""
    on, place, n = sets.on[i], sets.place[i], 0
    for j in range(count):
        n = flip(on, sets.members[i], place, n, members[j])
    sets.size[i] = n


@compiled
def _settle(x, sets, i):
    sets.size[i] = settled(x, sets.on[i], sets.members[i], sets.place[i], sets.size[i])


@compiled
def _merge(x, sets, i, others, j, room):
    """Take over into set `i` what is lighter in set `j` of the others."""
    sets.size[i] = merged(
        x, sets.on[i], sets.members[i], sets.place[i], sets.size[i],
        others.on[j], others.members[j], others.size[j], room.owner, room.loop, room.differ,
    )  # fmt: skip


@compiled
def _keep(sets, i, kept, kept_size, k):
    """Note set `i` as proposal `k`; one that is too large is not kept, for a part would have another syndrome."""
    n = sets.size[i]
    kept_size[k] = n if n <= _LARGEST else -1
    for j in range(kept_size[k]):
        kept[k, j] = sets.members[i, j]


@compiled
def _lightest(x, proposals, shot, sets, new, kept, kept_size, room):
    """Leave in `sets` the lightest set of each class that the proposals and exchanges lead to."""
    starts, classes, _, width = proposals.shape
    for start in range(starts):
        for c in range(classes):
            n = 0
            for byte in range(width):
                value = proposals[start, c, shot, byte]
                if value:
                    for bit in range(8):
                        if value >> bit & 1:
                            n = flip(new.on[0], new.members[0], new.place[0], n, x.alone[8 * byte + bit])
            new.size[0] = n
            _settle(x, new, 0)
            if start == 0:
                _copied(new.members[0], new.size[0], sets, c)
            for o in range(classes):
                if start > 0 or o < c:
                    _merge(x, sets, o, new, 0, room)
            _keep(new, 0, kept, kept_size, start * classes + c)
            _emptied(new, 0)
    for c in range(classes):
        for o in range(classes):
            if o != c:
                _merge(x, sets, c, sets, o, room)
        _settle(x, sets, c)


@compiled
def _believed(x, y, sets, others, new, kept, kept_size, room, row):
    """Find the sets that are lightest under the beliefs `y`; they are one more proposal for those in `sets`."""
    classes, proposed = len(sets.size), len(kept_size) - len(sets.size)
    for c in range(classes):
        _copied(sets.members[c], sets.size[c], others, c)
        _settle(y, others, c)
    for k in range(proposed):
        if kept_size[k] < 0:
            continue
        _copied(kept[k], kept_size[k], new, 0)
        for c in range(classes):
            _merge(y, others, c, new, 0, room)
        _emptied(new, 0)
    for c in range(classes):
        for o in range(classes):
            if o != c:
                _merge(y, others, c, others, o, room)
        for i in range(others.size[c]):
            row[c, BELIEVED] -= y.weight[others.members[c, i]]
            row[c, CROSSED] -= x.weight[others.members[c, i]]
    for c in range(classes):
        _settle(x, others, c)
        _keep(others, c, kept, kept_size, proposed + c)
        for o in range(classes):
            _merge(x, sets, o, others, c, room)
        _emptied(others, c)
    for c in range(classes):
        _settle(x, sets, c)


@compiled
def _weighed(x, believed, sets, c, new, kept, kept_size, room, row):
    """Weigh set `c` and what is near it."""
    on, members, place, n = sets.on[c], sets.members[c], sets.place[c], sets.size[c]
    filled = near_exchanges(x, on, members, n, room.near, room.table, room.used)
    for k in range(len(kept_size)):
        if kept_size[k] < 0:
            continue
        _copied(kept[k], kept_size[k], new, 0)
        filled = near_loops(
            x, on, members, place, n, new.on[0], new.members[0], new.size[0],
            room.owner, room.loop, room.differ, room.near, room.table, room.used, filled,
        )  # fmt: skip
        _emptied(new, 0)
    for i in range(filled):
        room.table[room.used[i]] = 0
    for i in range(n):
        m = members[i]
        row[WEIGHT] -= x.weight[m]
        row[NEAR] += np.log1p(room.near[i])
        row[ROOTS] += np.sqrt(room.near[i])
        row[OPPOSED] -= believed[m]
        row[SIZES - 1 + min(4, x.first[m + 1] - x.first[m])] += 1


@compiled
def _apart(sets, told):
    """Tell the members that not all sets have."""
    classes = len(sets.size)
    for c in range(classes):
        n = 0
        for i in range(sets.size[c]):
            m, common = sets.members[c, i], True
            for o in range(classes):
                common &= sets.on[o, m]
            if not common and n < MOST:
                told[c, n] = m
                n += 1


@compiled
def evidence(x: Exchanges, detectors: int, proposals: Bits, beliefs: Singles) -> tuple[Floats, Numbers]:
    """What speaks for each class, from what matchings propose for it.

    Args:
        proposals: (starts, classes, shots, ceil(parts / 8)) uint8, the parts of the errors that each start
            proposes for each class, bit-packed little-endian.
        beliefs: (shots, M) float32 log-odds that each mechanism did not happen; (0, M) asks none.

    Returns:
        float64 (shots, classes, WIDTH); of the lightest set of the class: WEIGHT, minus its weight; NEAR, ln of how
        many sets are near it, each counted by exp(-added weight); ROOTS, the same with square roots in place of
        logarithms; OPPOSED, minus its weight under the beliefs; from SIZES on, how many members fire 1, 2, 3 and at
        least 4 detectors. Of the set that is lightest under the beliefs: BELIEVED, minus its weight under them;
        CROSSED, under the model.
        And int32 (shots, classes, MOST): the members of the lightest set that not all classes have, then -1; the first
        MOST of them, where there are more.
    """
    starts, classes, shots, _ = proposals.shape
    count, asked = len(x.weight), len(beliefs) > 0
    sets, others, new = _sets(classes, count), _sets(classes, count), _sets(1, count)
    room = Scratch(
        np.full(detectors, -1, np.int64),
        np.zeros(2 * count, np.int64),
        np.zeros(2 * count, np.int64),
        np.zeros(_TABLE, np.int64),
        np.zeros(_TABLE // 2, np.int64),
        np.zeros(count),
    )
    believed = np.zeros(count)
    y = Exchanges(believed, x.turns, x.first, x.fires, x.begin, x.one, x.two, x.names, x.alone)
    kinds = (starts + 1 if asked else starts) * classes
    kept, kept_size = np.zeros((kinds, _LARGEST), np.int64), np.zeros(kinds, np.int64)
    found = np.zeros((shots, classes, WIDTH))
    apart = np.full((shots, classes, MOST), -1, np.int32)
    for shot in range(shots):
        _lightest(x, proposals, shot, sets, new, kept, kept_size, room)
        if asked:
            for m in range(count):
                believed[m] = beliefs[shot, m]
            _believed(x, y, sets, others, new, kept, kept_size, room, found[shot])
        for c in range(classes):
            _weighed(x, believed, sets, c, new, kept, kept_size, room, found[shot, c])
        _apart(sets, apart[shot])
        for c in range(classes):
            _emptied(sets, c)
    return found, apart
