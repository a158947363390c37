"""Networks in ONNX run by libstance, through its C API: the teachers of a distillation, and the
check of an export. Public headers: stance/model.h, stance/session.h."""

import ctypes
import ctypes.util
import json
import os
import shutil
import subprocess

import numpy as np

from .errors import TrainError

_FLOAT, _MAX_RANK = 1, 8


class _Tensor(ctypes.Structure):
    _fields_ = [("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("dims", ctypes.c_int64 * _MAX_RANK), ("data", ctypes.c_void_p)]


class _Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("device", ctypes.c_char_p),
                ("threads", ctypes.c_int32), ("tier", ctypes.c_int32),
                ("profile", ctypes.c_int32)]


def build_folder():
    """Where this tree was built: STANCE_BUILD, or build/ of the repository."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("STANCE_BUILD", os.path.normpath(os.path.join(here, "../../build")))


def find_library():
    """libstance of this tree's build, or the installed one; None if there is none."""
    built = os.path.join(build_folder(), "src", "libstance.so")
    return built if os.path.exists(built) else ctypes.util.find_library("stance")


def find_program():
    """The stance program of this tree's build, or on the path; None if there is none."""
    built = os.path.join(build_folder(), "apps", "cli", "stance")
    return built if os.access(built, os.X_OK) else shutil.which("stance")


def run_program(*arguments):
    """What the stance program prints as JSON; its sentence becomes ours when it fails."""
    program = find_program()
    if not program:
        raise TrainError("this needs the stance program; build it (make) or install it")
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise TrainError(done.stderr.strip() or f"{program} ended with {done.returncode}")
    return json.loads(done.stdout)


class Network:
    """A model and a session of one thread or more. Belongs to one thread at a time."""

    def __init__(self, path, threads=1):
        library = find_library()
        if not library:
            raise TrainError(f"{path}: running it needs libstance; build stance (make) or install "
                             f"it")
        self._c = ctypes.CDLL(library)
        for name in ("stance_error_text", "stance_model_output_name"):
            getattr(self._c, name).restype = ctypes.c_char_p
        self._model, self._session = ctypes.c_void_p(), ctypes.c_void_p()
        self._check(self._c.stance_model_open(ctypes.byref(self._model), os.fsencode(path)))
        options = _Options()
        self._c.stance_session_options_default(ctypes.byref(options))
        options.threads = threads
        self._check(self._c.stance_session_open(ctypes.byref(self._session), self._model,
                                                ctypes.byref(options)))
        count = self._c.stance_model_output_count(self._model)
        self._outputs = (_Tensor * count)()
        self.names = [self._c.stance_model_output_name(self._model, i).decode()
                      for i in range(count)]

    def _check(self, code):
        if code < 0:
            raise TrainError(self._c.stance_error_text().decode())

    def __call__(self, values):
        """The outputs, as arrays of float32, for one input array."""
        values = np.ascontiguousarray(values, np.float32)
        given = _Tensor(_FLOAT, values.ndim, (ctypes.c_int64 * _MAX_RANK)(*values.shape),
                        values.ctypes.data)
        self._check(self._c.stance_session_run(self._session, ctypes.byref(given), 1,
                                               self._outputs, len(self._outputs)))
        found = []
        for tensor in self._outputs:
            shape = tuple(tensor.dims[:tensor.rank])
            if tensor.dtype != _FLOAT:
                raise TrainError("a teacher's outputs must be float32")
            count = int(np.prod(shape))
            flat = np.ctypeslib.as_array((ctypes.c_float * count).from_address(tensor.data))
            found.append(flat.reshape(shape).copy())
        return found

    def close(self):
        self._c.stance_session_close(ctypes.byref(self._session))
        self._c.stance_model_close(ctypes.byref(self._model))
