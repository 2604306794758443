"""The types of arrays that all of hustings uses."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]
Instants = NDArray[np.int64]
"""Nanoseconds since 1970-01-01T00:00Z."""
Sessions = NDArray[np.datetime64]
"""Exchange-local dates, datetime64[D]."""
