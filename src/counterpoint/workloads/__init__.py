"""Workloads: tasks for the quantum computer, each beside its best classical rival on the same budget."""

from counterpoint.workloads.rivals import Comparison as Comparison, weigh as weigh
from counterpoint.workloads.workload import Bill as Bill, Budget as Budget, Solver as Solver, Workload as Workload
