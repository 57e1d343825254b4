"""counterpoint: AI keeps a quantum computer working; the quantum computer works for the AI.

The map, from the bottom up (each layer imports only what stands before it):

    identity    what SHA-256 makes of content: identities of records, keys of randomness
    base        the vocabulary: space, action, permit, job, shots, outcome; machine, explorer, verdict
    codes       repetition, surface, colour, CSS and bicycle codes; lattice surgery; noise models  -> stim circuits
    circuits    a general circuit as a record and as OpenQASM 3; the state vector, parameterised and differentiable
    decoders    matching, triage and its second opinion, lookup, belief, search; windows; how sure; priors; DECODERS
    explore     policy gradient, SPSA, the bounding players; bandits, amplitude estimation; EXPLORERS
    quops       logical error -> Lambda, reliable operations and what a size would need, with intervals
    govern      charter, permits, ledger
    store       SQLite: runs, turns, counts and raw detection events
    machine     the drifting chip; ideal, logical, Qiskit, Braket and remote machines, and the server; recordings
    workloads   tasks for the quantum computer, each beside its rivals on one budget; joules; break-even
    loop        one turn, a run, its report and audit; feedback edges; the drift suite; decoders compared
    cli         one file a verb
"""

__version__ = "0.1.0"
