"""The peers, in their own interpreter: nothing here imports hustings, and each file names one peer."""
