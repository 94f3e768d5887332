"""Errors of the C library as exceptions."""

from . import _abi
from . import _constants as c


class SeglossError(ValueError):
    """An argument was refused. Nothing was written.

    Attributes:
        status: the status of `segloss.h`.
        argument: the name of the argument, or None.
        term: the index of the term, or None.
        index: the voxel, axis or entry, or None. A voxel is `sample * N + voxel`, in C order.
        given: the refused number, or None.
        needed: the number that is needed, or None.
    """

    def __init__(self, status: int, error: _abi.Error | None = None) -> None:
        has_details = error is not None and error.status == status
        numbers = error.numbers if has_details else 0
        self.status = status
        self.argument = error.argument.decode() if has_details and error.argument else None
        self.term = error.term if has_details and error.term != 0xFFFFFFFF else None
        self.index = error.index if has_details and error.index >= 0 else None
        self.given = error.given if numbers & c.ERROR_HAS_GIVEN else None
        self.needed = error.needed if numbers & c.ERROR_HAS_NEEDED else None
        expected = error.expected.decode() if has_details and error.expected else None
        text = _abi.library.segloss_status_string(status).decode()
        if self.argument:
            place = f" {self.index}" if self.index is not None else ""
            where = f" of terms[{self.term}]" if self.term is not None else ""
            text = f"{self.argument}{place}{where}: {text}"
        if self.given is not None:
            text += f": {self.given:.17g}"
        details = [f"needed {self.needed:.17g}"] if self.needed is not None else []
        details += [f"expected {expected}"] if expected else []
        super().__init__(text + (f" ({', '.join(details)})" if details else ""))


def check(status: int, error: _abi.Error | None = None) -> None:
    """Raises a `SeglossError` unless the status is SEGLOSS_OK."""
    if status != c.OK:
        raise SeglossError(status, error)
