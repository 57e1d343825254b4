"""A person's own parts may fail in any way: then one sentence says which, how, and at which line."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from counterpoint.base import BadInput


@contextmanager
def blaming(part: str) -> Iterator[None]:
    """What goes wrong inside is told as the fault of `part`, such as "explorer 'mine.py:Mine'".

    Raises:
        BadInput: with the error's type, message, file and line.
    """
    try:
        yield
    except BadInput:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else frames[-1].lineno
        file = error.filename if isinstance(error, SyntaxError) else frames[-1].filename
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise BadInput(f"{part} failed with {what} ({file}, line {line}): mend it there") from error
