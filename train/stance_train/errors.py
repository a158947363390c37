"""The one exception that is a sentence for the user: what, where, why, what to do."""


class TrainError(Exception):
    """Printed as it is, without a traceback; the program ends with status 1."""


def suggest(name, known):
    """A tail for "unknown name" sentences: the nearest known name, or all of them."""
    import difflib
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
