"""Plan -> Account: costs, sizing, exits; by the replay on backtrader or on arrays."""
