"""Floor 1, facts: what happened, what could be traded, and at which instant."""
