"""Floor 4, the door: the command line, the run registry, the folders of runs.

It decides nothing.
"""
