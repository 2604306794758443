"""Floor 2, where time passes: plans, replays, runs and the numbers made of them."""
