"""Markets: instruments, the exchanges they trade on, and the hours of those exchanges."""
