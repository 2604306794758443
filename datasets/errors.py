"""The one error a user sees, and the "did you mean" that goes with a wrong name."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Bad input, reported in one line (or several): what was found, what must hold, where, and what to do.

    >>> str(UserError("column 'a\\nb' is missing"))
    "column 'a b' is missing"
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(" ".join(line.splitlines()) for line in lines))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'X'?)`` for the nearest known name, or an empty string.

    >>> did_you_mean("topxi", ["TOPIX", "KOSPI"])
    " (did you mean 'TOPIX'?)"
    >>> did_you_mean("zzz", ["TOPIX"])
    ''
    """
    by_fold = {k.casefold(): k for k in known}
    near = get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.6)
    return f" (did you mean '{by_fold[near[0]]}'?)" if near else ""


def unknown_name(what: str, name: str, known: Iterable[str], *, hint: str = "") -> UserError:
    """Return the error for a name that is not among the known ones.

    >>> str(unknown_name("strategy", "pro-grow-win", ["pro-growth-win"], hint="see 'hustings strategies'"))
    "unknown strategy 'pro-grow-win' (did you mean 'pro-growth-win'?); see 'hustings strategies'"
    """
    tail = f"; {hint}" if hint else ""
    return UserError(f"unknown {what} '{name}'{did_you_mean(name, known)}{tail}")


def check_utf8(text: str) -> None:
    """Raise a UserError where a word or path holds bytes that are not UTF-8: no file of results could name it."""
    try:
        text.encode()
    except UnicodeEncodeError as e:
        raise UserError(f"'{text}' is not UTF-8; rename the file or folder, or type the word in UTF-8") from e
