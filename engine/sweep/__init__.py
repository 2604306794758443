"""Many combinations of a strategy's parameters, ranked and corrected for their number."""
