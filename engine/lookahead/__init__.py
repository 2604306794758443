"""The strategy is called again without its future, and any decision that changes is reported."""
