"""What odds and prices together imply: returns per unit of probability, and a market's value under each outcome."""
