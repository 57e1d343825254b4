"""Feedback edges: tasks that the AI half really has, done by the run's own machine beside its classical rivals."""
