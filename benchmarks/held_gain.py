"""The policy gradient with its gain and its exploration held: the arm on which the convergence rate is flat.

    python benchmarks/live_control.py convergence --explorer benchmarks/held_gain.py:HELD --out held.jsonl

A learned gain converges faster where fewer knobs share a site, which is the small code; a held one does not.
"""

from counterpoint.explore.gradient import PolicyGradient

HELD = PolicyGradient(sigma=0.3, learning_rate=4.0, adaptation=0.0, boldness=1e9)  # 1e9: always the widest, 0.3
