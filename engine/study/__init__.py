"""What the events of a run can support: power, tests, placebo dates, concentration, one verdict."""
