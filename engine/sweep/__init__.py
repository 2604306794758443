"""A rule over a space of parameters: what a sweep asks, reckons, and finds. See docs/sweep.md."""
