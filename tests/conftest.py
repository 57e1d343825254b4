"""Options of the contract tests, so that a person's own part is tested like those in the registries."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--decoder",
        action="append",
        default=[],
        metavar="FILE.py:NAME",
        help="run the decoders' contract tests on this decoder too",
    )
