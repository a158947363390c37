"""libstance as bench/peers needs it: the public C API through ctypes."""
import ctypes
import os

MAX_RANK = 8
_FLOAT = 1


class Tensor(ctypes.Structure):
    _fields_ = [("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("dims", ctypes.c_int64 * MAX_RANK), ("data", ctypes.c_void_p)]


class Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("device", ctypes.c_char_p),
                ("threads", ctypes.c_int32), ("tier", ctypes.c_int32),
                ("profile", ctypes.c_int32),
                ("later", ctypes.c_char * 256)]  # fields of newer builds


class Limits(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("float_gflops", ctypes.c_double),
                ("byte_gops", ctypes.c_double), ("cache_gb_s", ctypes.c_double),
                ("memory_gb_s", ctypes.c_double)]


class Library:
    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        for name in ("stance_error_text", "stance_version", "stance_session_describe",
                     "stance_model_output_name"):
            getattr(self.c, name).restype = ctypes.c_char_p
        self.c.stance_session_peak.restype = ctypes.c_double
        self.c.stance_session_multiply_adds.restype = ctypes.c_int64
        self.c.stance_session_memory.restype = ctypes.c_size_t
        self.version = self.c.stance_version().decode()

    def check(self, code):
        if code < 0:
            raise RuntimeError(f"stance: {self.c.stance_error_text().decode()}")

    def open(self, path, threads):
        return Session(self, path, threads)

    def input_shape(self, path):
        """What a file declares for its only input; 1 where it leaves that open."""
        model, tensor = ctypes.c_void_p(), Tensor()
        self.check(self.c.stance_model_open(ctypes.byref(model), os.fsencode(path)))
        self.c.stance_model_input(model, 0, ctypes.byref(tensor))
        self.c.stance_model_close(ctypes.byref(model))
        return tuple(max(1, dim) for dim in tensor.dims[:tensor.rank])


class Session:
    def __init__(self, library, path, threads):
        self.library, self.c = library, library.c
        self._model, self._session = ctypes.c_void_p(), ctypes.c_void_p()
        library.check(self.c.stance_model_open(ctypes.byref(self._model), os.fsencode(path)))
        options = Options()
        self.c.stance_session_options_default(ctypes.byref(options))
        options.threads = threads
        library.check(self.c.stance_session_open(ctypes.byref(self._session), self._model,
                                                 ctypes.byref(options)))
        self._count = self.c.stance_model_output_count(self._model)
        self._outputs = (Tensor * self._count)()
        self._input = Tensor(dtype=_FLOAT)

    def bind(self, values, shape):
        self._kept = values
        self._input.rank = len(shape)
        for i, dim in enumerate(shape):
            self._input.dims[i] = dim
        self._input.data = ctypes.addressof(values)

    def run(self):
        self.library.check(self.c.stance_session_run(
            self._session, ctypes.byref(self._input), 1, self._outputs, self._count))

    def outputs(self):
        """One run's float outputs by name."""
        self.run()
        found = {}
        for i, tensor in enumerate(self._outputs):
            count = 1
            for dim in tensor.dims[:tensor.rank]:
                count *= dim
            if tensor.dtype == _FLOAT:
                name = self.c.stance_model_output_name(self._model, i).decode()
                found[name] = list((ctypes.c_float * count).from_address(tensor.data)) \
                    if count else []
        return found

    def describe(self):
        return self.c.stance_session_describe(self._session).decode()

    def multiply_adds(self):
        return self.c.stance_session_multiply_adds(self._session)

    def memory(self):
        return self.c.stance_session_memory(self._session)

    def peak(self):
        """GFLOP/s of the processor's multiply-add loop on the session's threads, now."""
        return self.c.stance_session_peak(self._session)

    def limits(self):
        """What the processor does at most on the session's threads, now."""
        limits = Limits(struct_size=ctypes.sizeof(Limits))
        self.library.check(self.c.stance_session_limits(self._session, ctypes.byref(limits)))
        return {name: getattr(limits, name) for name, _ in Limits._fields_[1:]}

    def close(self):
        self.c.stance_session_close(ctypes.byref(self._session))
        self.c.stance_model_close(ctypes.byref(self._model))
