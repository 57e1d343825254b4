"""What SHA-256 makes of content: the identity of a record, and keys of randomness.

The steps are few and public, so that anybody can repeat them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import stim

Key = tuple[int, ...]  # randomness as a value: numpy.random.default_rng(key) draws from it


def fold_in(key: Key, *data: int | str) -> Key:
    """A new key from `key` and what it is for, as in JAX: four words of the SHA-256 of both.

    Always four, because NumPy fills shorter ones up with zeros: (1,) and (1, 0) would draw the same.
    """
    digest = hashlib.sha256(json.dumps([*key, *data]).encode()).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))


def canonical(record: Any) -> Any:
    """`record` as plain JSON values; an array stands as its dtype, shape and the SHA-256 of its bytes."""
    if is_dataclass(record) and not isinstance(record, type):
        content = {f.name: canonical(getattr(record, f.name)) for f in fields(record)}
        return {"record": type(record).__name__} | content
    if isinstance(record, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(record).tobytes()).hexdigest()
        return {"dtype": record.dtype.str, "shape": list(record.shape), "sha256": digest}
    if isinstance(record, np.generic):
        return record.item()
    if isinstance(record, dict):
        return {str(k): canonical(v) for k, v in record.items()}
    if isinstance(record, list | tuple):
        return [canonical(v) for v in record]
    return str(record) if isinstance(record, stim.Circuit | stim.DetectorErrorModel) else record


def identity(record: Any) -> str:
    """SHA-256 (64 hex digits) of the canonical content of a record."""
    text = json.dumps(canonical(record), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
