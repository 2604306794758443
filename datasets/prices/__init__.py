"""Prices: bars, the files and providers they come from, the checks they pass, and the store that keeps them."""
