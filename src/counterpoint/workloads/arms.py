"""Arms of a bandit, under their former name."""

from counterpoint.workloads.bandit.arms import Near as Near
