"""A machine offered over HTTP: tokens, quotas, a queue in SQLite, and a worker that runs it."""
