"""Where bars come from, one file a provider."""
