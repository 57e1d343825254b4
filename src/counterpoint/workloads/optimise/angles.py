"""Angles of QAOA, and those that are best on the regular tree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np

from counterpoint.base import BadInput, Floats


@dataclass(frozen=True)
class Angles:
    """Of exp(-i betas_r sum X) exp(-i gammas_r C) for r = 1 to p, in rad; C is what is maximised.

    Raises BadInput for none, numbers that are not finite, and counts that differ.
    """

    gammas: tuple[float, ...]
    betas: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.gammas) == len(self.betas) >= 1:
            raise BadInput(
                f"{len(self.gammas)} angles gamma and {len(self.betas)} angles beta were given: give one each a layer"
            )
        if not np.isfinite(self.flat).all():
            raise BadInput(f"the angles {self.gammas} and {self.betas} were given: give finite numbers of radians")

    @classmethod
    def of(cls, flat: Floats) -> Self:
        """From (2 p,), the gammas first."""
        gammas, betas = np.reshape(flat, (2, -1)).tolist()
        return cls(tuple(gammas), tuple(betas))

    @property
    def flat(self) -> Floats:
        """(2 p,), the gammas first."""
        return np.array([*self.gammas, *self.betas])

    @property
    def depth(self) -> int:
        """Layers p."""
        return len(self.gammas)


def interpolated(angles: Angles) -> Angles:
    """A start at one layer more: each angle linearly between its neighbours (INTERP: arXiv:1812.01041, eq. B1)."""
    p = angles.depth
    share = np.arange(p + 1) / p
    both = np.pad(np.reshape(angles.flat, (2, p)), ((0, 0), (1, 1)))
    return Angles.of((share * both[:, :-1] + (1 - share) * both[:, 1:]).ravel())


def of_tree(degree: int, depth: int) -> Angles:
    """Those of the greatest cut fraction on the `degree`-regular tree, by `tree.best`, to 1e-6 rad.

    Raises BadInput for a degree or depth that is not kept.
    """
    if degree not in _TREE:
        raise BadInput(
            f"angles of degree {degree} were asked for and those of {', '.join(map(str, DEGREES))} are kept: take "
            "transferred angles (--angles transferred)"
        )
    if depth not in depths(degree):
        raise BadInput(
            f"angles of depth {depth} were asked for and those of degree {degree} are kept up to "
            f"{len(depths(degree))}: give --depth 1 to {len(depths(degree))}, or --angles transferred"
        )
    return _kept(degree)[depth - 1]


def depths(degree: int) -> range:
    """The depths that are kept of a degree."""
    return range(1, len(_kept(degree)) + 1)


@lru_cache
def _kept(degree: int) -> tuple[Angles, ...]:
    """By depth."""
    lines = [tuple(map(float, line.split())) for line in _TREE[degree].split("\n") if line]
    return tuple(Angles(*both) for both in zip(lines[::2], lines[1::2], strict=True))


# Of each degree and each depth from 1: a line of gammas, one of betas.
# `python benchmarks/qaoa.py --derive DEGREE DEPTH` makes them again.
_TREE = {
    2: """
0.785398
0.392699
0.655871 1.242861
0.621430 0.327935
0.592136 1.156087 1.364576
0.682288 0.578043 0.296068
0.551358 1.108382 1.306266 1.417486
0.708743 0.653133 0.554191 0.275679
0.522014 1.074707 1.275880 1.373170 1.446571
0.723285 0.686585 0.637940 0.537354 0.261007
0.499437 1.048346 1.254675 1.351755 1.410201 1.464856
0.732428 0.705101 0.675878 0.627338 0.524173 0.249719
""",
    3: """
0.615480
0.392699
0.487836 0.897839
0.554904 0.292381
0.421861 0.798402 0.936981
0.608950 0.459568 0.235670
0.408752 0.780569 0.988035 1.156907
0.599560 0.434342 0.296758 0.159035
0.359236 0.706086 0.822090 1.004197 1.153937
0.631666 0.522527 0.390139 0.275992 0.149296
0.331374 0.645584 0.731660 0.836963 1.010196 1.127231
0.635892 0.534436 0.463340 0.359997 0.258586 0.138845
0.309675 0.616783 0.688207 0.750006 0.857390 1.021190 1.125774
0.647594 0.553071 0.489283 0.444747 0.340739 0.244344 0.131223
0.292999 0.586202 0.655199 0.708081 0.764397 0.865065 1.027091 1.116519
0.649252 0.555568 0.501204 0.469014 0.420185 0.319451 0.230911 0.122837
0.279400 0.566125 0.631210 0.679318 0.726233 0.768057 0.874525 1.037487 1.117984
0.654465 0.561856 0.508998 0.486767 0.451435 0.403206 0.304729 0.219839 0.117184
0.267652 0.545762 0.610030 0.656027 0.695492 0.728426 0.773278 0.881133 1.043179 1.115630
0.655825 0.563023 0.513376 0.495083 0.468288 0.434941 0.387436 0.290414 0.209972 0.111919
0.257727 0.530314 0.593144 0.637883 0.673462 0.697588 0.734581 0.776776 0.886469 1.049471 1.115976
0.658696 0.565719 0.516671 0.502190 0.479385 0.455102 0.423217 0.374840 0.279501 0.202018 0.108341
""",
    4: """
0.523599
0.392699
0.407835 0.739741
0.534114 0.282962
0.354503 0.651370 0.754258
0.587940 0.423175 0.223015
0.315002 0.587549 0.673221 0.771201
0.604989 0.477802 0.361272 0.187526
0.290909 0.546774 0.603337 0.687210 0.784467
0.622540 0.505069 0.416722 0.325339 0.162799
0.268727 0.512781 0.563593 0.614107 0.695657 0.786668
0.629335 0.523171 0.452822 0.388347 0.298149 0.145954
""",
    5: """
0.463648
0.392699
0.358686 0.645013
0.524104 0.278834
0.311638 0.563513 0.647713
0.578343 0.407641 0.218943
0.277439 0.509645 0.576875 0.661243
0.597111 0.463189 0.344842 0.182583
0.255539 0.473807 0.518709 0.589670 0.670856
0.613847 0.490426 0.402565 0.308935 0.157669
0.237996 0.447617 0.486140 0.530823 0.601968 0.679280
0.621961 0.507570 0.432932 0.369406 0.276933 0.137687
""",
    6: """
0.420534
0.392699
0.324200 0.579749
0.518244 0.276560
0.281425 0.504045 0.576822
0.572663 0.398928 0.216935
0.250875 0.456213 0.512129 0.587329
0.592052 0.453907 0.335479 0.180102
0.230764 0.424485 0.461937 0.523145 0.594045
0.609212 0.482482 0.393479 0.299260 0.155215
0.215105 0.400596 0.432026 0.472235 0.532663 0.600450
0.617881 0.499534 0.424137 0.359847 0.267384 0.135364
""",
}

DEGREES = tuple(_TREE)
