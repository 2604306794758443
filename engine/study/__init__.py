"""Event-study inference on a strategy's own events and net P&L, for five to twenty events. See docs/study.md."""
