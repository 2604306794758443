"""Whether a strategy decides the same without its future. See docs/lookahead.md."""
