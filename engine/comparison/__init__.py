"""Runs compared with each other: on the days and on the events they share."""
