"""Exceptions: one class for each code of stance/error.h that people tell apart."""


class Error(Exception):
    """What went wrong, in one sentence.

    code: the library's, negative; name: its name, "STANCE_EARGUMENT".
    Subclasses are errors of Python's own kinds, too: a file that is not there is a
    FileNotFoundError, an argument out of its range a ValueError."""

    code: int = 0
    name: str = "STANCE_OK"


class ArgumentError(Error, ValueError):
    """An argument that cannot be used."""


class ClosedError(ArgumentError):
    """The handle is closed."""


class ShapeError(Error, ValueError):
    """An array of another shape than was wanted."""


class FormatError(Error, ValueError):
    """Malformed data."""


class ModelError(Error, ValueError):
    """A network that is not for this purpose."""


class LimitError(Error, ValueError):
    """More than is accepted."""


class ElementTypeError(Error, TypeError):
    """Values of another type than was wanted."""


class InputOutputError(Error, OSError):
    """Reading or writing failed."""


class NotFoundError(Error, FileNotFoundError):
    """No such file, model or address."""


class DeviceError(Error, RuntimeError):
    """A device that is not to be had here."""


class UnsupportedError(Error, NotImplementedError):
    """Something that stance does not do."""


class OutOfMemoryError(Error, MemoryError):
    """Out of memory."""


class CancelledError(Error):
    """Ended by cancel()."""


_CLASSES = {
    "STANCE_EARGUMENT": ArgumentError, "STANCE_ENOMEMORY": OutOfMemoryError,
    "STANCE_EIO": InputOutputError, "STANCE_ENOTFOUND": NotFoundError,
    "STANCE_EFORMAT": FormatError, "STANCE_EUNSUPPORTED": UnsupportedError,
    "STANCE_ELIMIT": LimitError, "STANCE_ESHAPE": ShapeError, "STANCE_ETYPE": ElementTypeError,
    "STANCE_EDEVICE": DeviceError, "STANCE_EMODEL": ModelError,
    "STANCE_ECANCELLED": CancelledError,
}
for _class in (*_CLASSES.values(), Error, ClosedError):
    _class.__module__ = "stance"


def make(code, name, sentence, closed):
    """The exception for a code; `closed`: because the handle is."""
    error = (ClosedError if closed else _CLASSES.get(name, Error))(sentence)
    error.code = code
    error.name = name
    return error
