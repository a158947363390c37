"""A thread that works on the newest thing it was given."""

import threading

from .....errors import make


class Latest:
    """Calls `work` on its own thread with what put() brings; what comes while it is busy waits, and
    the newer takes the older's place. An error of `work` is raised by the next put()."""

    def __init__(self, work):
        self._work = work
        self._condition = threading.Condition()  # guards the three below
        self._waiting = None
        self._closed = False
        self._error = None
        self._thread = threading.Thread(target=self._run, name="stance-latest", daemon=True)
        self._thread.start()

    def put(self, thing):
        with self._condition:
            if self._closed:
                raise make(-1, "STANCE_EARGUMENT", "the landmarker is closed", True)
            error, self._error = self._error, None
            if error:
                raise error
            self._waiting = thing
            self._condition.notify()

    def _run(self):
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closed or self._waiting is not None)
                if self._waiting is None:
                    return
                thing, self._waiting = self._waiting, None
            try:
                self._work(thing)
            except Exception as error:  # the next put() raises it
                with self._condition:
                    self._error = error

    def close(self):
        """Waits until the last thing is done."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()
