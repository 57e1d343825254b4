"""Options of the contract tests, so that a person's own part is tested like those in the registries."""

from __future__ import annotations

import signal
import threading

import pytest

# Tests started in the background inherit an ignored Ctrl-C, which programs rightly respect.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--decoder",
        action="append",
        default=[],
        metavar="FILE.py:NAME",
        help="run the decoders' contract tests on this decoder too",
    )
