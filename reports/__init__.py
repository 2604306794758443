"""FLOOR 3, right: pages.

They take a Run and never a strategy; quantstats is named in one file.
"""
