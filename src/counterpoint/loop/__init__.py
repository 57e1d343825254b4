"""The loop: one turn, a run of turns, its report; decoders compared; feedback edges."""

from counterpoint.govern.charter import FIRST_RUN as FIRST_RUN
from counterpoint.loop.build import build as build
from counterpoint.loop.closing import closing as closing
from counterpoint.loop.session import Session as Session
from counterpoint.loop.settings import Settings as Settings
