"""Thousands of plans on one table of bars, with the fills of the replay. See docs/grid.md."""
