"""Statistical tests, bootstrap, multiple testing and Sharpe inference; nothing here knows a strategy."""
