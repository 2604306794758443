"""The models of what a trade returns without its event."""

from enum import StrEnum


class Model(StrEnum):
    """The return that is expected without the event."""

    MEAN = "mean"
    """The asset's own mean return (Brown and Warner 1980, 1985)."""
    MARKET = "market"
    """The benchmark's return of the same session (Brown and Warner 1980, 1985)."""
    MARKET_MODEL = "market-model"
    """alpha + beta times the benchmark's return, by least squares (MacKinlay 1997)."""
