"""A run: one strategy backtested, with its sensitivity to parameters, its event paths and its P&L attribution."""
