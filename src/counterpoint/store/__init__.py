"""The store: runs and their turns in SQLite. The loop writes it; views, reports and queries read it."""

from counterpoint.store.database import Store as Store
from counterpoint.store.turns import Run as Run, Turn as Turn
