"""The lightest sets of errors, and what is near them: the steps from which evidence.py weighs classes.

Three mechanisms that together fire nothing and end nowhere can be exchanged: where some of the three are in a
set, they go out and the others come in. Starting from what a matching proposes, exchanges (two in a row, so that
a small hill is no obstacle) lead to a lighter set under the whole error model, errors of four detectors included.
Two sets of one syndrome differ by loops, and each loop can be taken from whichever set has it lighter: so a few
different proposals are combined into a better one than any (matching synthesis: Jones, arXiv:2408.12135). What is
left near a lightest set, exchanges and loops of little added weight, counts as its degeneracy: those that begin with
the same member as alternatives, others as independent.

Compiled by numba: these are the inner loops of a decoder. What a second exchange adds is written out in two places,
for as a function it would take three times as long.
"""

from __future__ import annotations

import numpy as np

from counterpoint.decoders.compiled import compiled

CLOSE = 1e-6  # no weight is lower by less
HILL = 9.0  # a first exchange may add this much weight, if a second takes it away again
NEAR = 6.0  # exchanges that add less count as degeneracy


@compiled
def flip(on, members, place, count, e):
    """Put `e` into the set, or take it out; the new count."""
    if on[e]:
        on[e] = False
        last = members[count - 1]
        members[place[e]] = last
        place[last] = place[e]
        return count - 1
    on[e] = True
    members[count] = e
    place[e] = count
    return count + 1


@compiled
def _cost(weight, on, e):
    return -weight[e] if on[e] else weight[e]


@compiled
def settled(x, on, members, place, count):
    """Exchange for lower weight, one or two at a time, until none is left; the new count."""
    weight, begin, one, two = x.weight, x.begin, x.one, x.two
    improved = True
    while improved:
        improved = False
        i = 0
        while i < count:
            a = members[i]
            best, chosen, then, second = -CLOSE, -1, -1, -1
            for j in range(begin[a], begin[a + 1]):
                b, c = one[j], two[j]
                once = _cost(weight, on, b) + _cost(weight, on, c) - weight[a]
                if once < best:
                    best, chosen, then = once, j, -1
                if once >= HILL:
                    continue
                for side in range(2):
                    e = b if side == 0 else c
                    if on[e]:
                        continue
                    for k in range(begin[e], begin[e + 1]):
                        f, g = one[k], two[k]
                        if f == a or g == a:
                            continue
                        f_on = on[f] != (f == b or f == c)  # noqa: SIM109
                        g_on = on[g] != (g == b or g == c)  # noqa: SIM109
                        if not (f_on or g_on):
                            continue
                        twice = once - weight[e]
                        twice += -weight[f] if f_on else weight[f]
                        twice += -weight[g] if g_on else weight[g]
                        if twice < best:
                            best, chosen, then, second = twice, j, k, e
            if chosen < 0:
                i += 1
                continue
            improved = True
            count = flip(on, members, place, count, a)
            count = flip(on, members, place, count, one[chosen])
            count = flip(on, members, place, count, two[chosen])
            if then >= 0:
                count = flip(on, members, place, count, second)
                count = flip(on, members, place, count, one[then])
                count = flip(on, members, place, count, two[then])
    return count


@compiled
def _new(name, table, used, filled):
    """Write `name` into the table; was it not there yet?"""
    mask = len(table) - 1
    at = name & mask
    while table[at] != 0 and table[at] != name:
        at = (at + 1) & mask
    if table[at] != 0 or filled == len(used):
        return False
    table[at] = name
    used[filled] = at
    return True


@compiled
def near_exchanges(x, on, members, count, near, table, used):
    """To each member the sum of exp(-added weight) of the exchanges that begin with it; how many there are."""
    weight, begin, one, two, names = x.weight, x.begin, x.one, x.two, x.names
    filled = 0
    for i in range(count):
        a = members[i]
        near[i] = 0.0
        for j in range(begin[a], begin[a + 1]):
            b, c = one[j], two[j]
            once = _cost(weight, on, b) + _cost(weight, on, c) - weight[a]
            name = names[a] ^ names[b] ^ names[c]
            if once < NEAR and _new(name, table, used, filled):
                filled += 1
                near[i] += np.exp(-once)
            if once >= HILL:
                continue
            for side in range(2):
                e = b if side == 0 else c
                if on[e]:
                    continue
                for k in range(begin[e], begin[e + 1]):
                    f, g = one[k], two[k]
                    if f == a or g == a:
                        continue
                    f_on = on[f] != (f == b or f == c)  # noqa: SIM109
                    g_on = on[g] != (g == b or g == c)  # noqa: SIM109
                    if not (f_on or g_on):
                        continue
                    twice = once - weight[e]
                    twice += -weight[f] if f_on else weight[f]
                    twice += -weight[g] if g_on else weight[g]
                    if twice < NEAR:
                        both = name ^ names[e] ^ names[one[k]] ^ names[two[k]]
                        if both != 0 and _new(both, table, used, filled):
                            filled += 1
                            near[i] += np.exp(-twice)
    return filled


@compiled
def _differ(x, on, members, count, other_on, other, others, owner, loop, differ):
    """The mechanisms in which two sets differ, and to which loop each belongs; how many there are."""
    first, fires, n = x.first, x.fires, 0
    for i in range(others):
        if not on[other[i]]:
            differ[n] = other[i]
            n += 1
    for i in range(count):
        if not other_on[members[i]]:
            differ[n] = members[i]
            n += 1
    for i in range(n):
        loop[i] = i
    for i in range(n):
        for t in range(first[differ[i]], first[differ[i] + 1]):
            d = fires[t]
            if owner[d] < 0:
                owner[d] = i
                continue
            r, q = i, owner[d]
            while loop[r] != r:
                r = loop[r]
            while loop[q] != q:
                q = loop[q]
            loop[max(r, q)] = min(r, q)
    for i in range(n):
        for t in range(first[differ[i]], first[differ[i] + 1]):
            owner[fires[t]] = -1
        r = i
        while loop[r] != r:
            r = loop[r]
        loop[i] = r
    return n


@compiled
def _loop(weight, classes, on, differ, loop, n, r):
    """(added weight, class) of taking over loop `r`."""
    more, turns = 0.0, 0
    for i in range(r, n):
        if loop[i] == r:
            more += _cost(weight, on, differ[i])
            turns ^= classes[differ[i]]
    return more, turns


@compiled
def _taken(on, members, place, count, differ, loop, n, r):
    for i in range(r, n):
        if loop[i] == r:
            count = flip(on, members, place, count, differ[i])
    return count


@compiled
def merged(x, on, members, place, count, other_on, other, others, owner, loop, differ):
    """Take over from another set each loop that is lighter there and leaves the class as it is; the new count.

    Loops that change the class are taken over together, where all of them leave it as it is.
    """
    weight, classes = x.weight, x.turns
    n = _differ(x, on, members, count, other_on, other, others, owner, loop, differ)
    rest, rest_turns = 0.0, 0
    for r in range(n):
        if loop[r] == r:
            more, turns = _loop(weight, classes, on, differ, loop, n, r)
            if turns != 0:
                rest += more
                rest_turns ^= turns
            elif more < -CLOSE:
                count = _taken(on, members, place, count, differ, loop, n, r)
    if rest_turns == 0 and rest < -CLOSE:
        for r in range(n):
            if loop[r] == r and _loop(weight, classes, on, differ, loop, n, r)[1] != 0:
                count = _taken(on, members, place, count, differ, loop, n, r)
    return count


@compiled
def near_loops(x, on, members, place, count, other_on, other, others, owner, loop, differ, near, table, used, filled):
    """Add to `near` the loops by which another set differs; how many exchanges and loops there are now."""
    weight, classes, names = x.weight, x.turns, x.names
    n = _differ(x, on, members, count, other_on, other, others, owner, loop, differ)
    for r in range(n):
        if loop[r] != r:
            continue
        more, turns = _loop(weight, classes, on, differ, loop, n, r)
        if turns != 0 or more >= NEAR:
            continue
        name, at = 0, -1
        for i in range(r, n):
            if loop[i] == r:
                name ^= names[differ[i]]
                if on[differ[i]]:
                    at = place[differ[i]]
        if at >= 0 and _new(name, table, used, filled):
            filled += 1
            near[at] += np.exp(-more)
    return filled
