"""Every number of a run, computed from its returns and its trades."""
