"""Checkpoint files of others, read without running what is in them.

A `.pth` is a pickle, and a pickle is a program. Here it may build tensors and plain containers;
every other class it names (mmengine's message hubs and configurations, numpy's scalars, os.system)
becomes an inert object that does nothing and keeps nothing. So neither is code executed nor is
mmengine needed. Both of PyTorch's forms are read: the zip archive, and the stream from before 1.6.
"""

import collections
import io
import os
import pickle
import struct
import zipfile

import numpy as np
import torch

from .errors import TrainError

_TYPES = {"FloatStorage": torch.float32, "DoubleStorage": torch.float64,
          "HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16,
          "LongStorage": torch.int64, "IntStorage": torch.int32, "ShortStorage": torch.int16,
          "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool}

_LEGACY_MAGIC, _LEGACY_PROTOCOL = 0x1950a86a20f9469cfc6c, 1001


class Inert:
    """Stands for an object of a class that is not built here."""

    def __init__(self, *_, **__):
        pass

    def __new__(cls, *_, **__):
        return object.__new__(cls)

    def _nothing(self, *_, **__):
        return None

    __setstate__ = __setitem__ = append = extend = add = update = _nothing

    def __call__(self, *_, **__):
        return Inert()


class _Storage:
    """The bytes behind tensors; those of the stream form come after the pickle."""

    def __init__(self, dtype, count, data=None):
        self.dtype, self.count = dtype, count
        self.size = torch.empty((), dtype=dtype).element_size()
        self.data = data if data is not None else bytearray(count * self.size)

    def tensor(self, offset, size, stride):
        if len(self.data) != self.count * self.size:
            raise ValueError("a storage has the wrong length")
        if not self.count:
            return torch.empty(size, dtype=self.dtype)
        flat = torch.from_numpy(np.frombuffer(self.data, np.uint8)).view(self.dtype)
        return flat.as_strided(size, stride, offset)   # refuses what lies outside


def _rebuild_tensor(storage, offset, size, stride, *_):
    if not isinstance(storage, _Storage):
        raise ValueError("a tensor without a storage")
    return storage.tensor(offset, tuple(size), tuple(stride))


def _rebuild_parameter(data, *_):
    return data


_ALLOWED = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, storage):
        super().__init__(file, encoding="utf-8")
        self.storage = storage

    def find_class(self, module, name):
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if module == "torch" and name in _TYPES:
            return type(name, (Inert,), {"dtype": _TYPES[name]})
        return type(f"{module}.{name}", (Inert,), {})

    def persistent_load(self, key):
        if not isinstance(key, tuple) or len(key) < 5 or key[0] != "storage":
            return Inert()
        dtype = getattr(key[1], "dtype", None)
        if dtype is None or not isinstance(key[4], int) or key[4] < 0:
            raise ValueError("a storage of an unknown type")
        view = key[5] if len(key) > 5 else None
        if view is not None:
            raise ValueError("a storage that is a part of another one")
        return self.storage(str(key[2]), dtype, key[4])


def _read_archive(file):
    with zipfile.ZipFile(file) as archive:
        names = {n: archive.getinfo(n) for n in archive.namelist()}
        pickles = [n for n in names if n.endswith("/data.pkl") and n.count("/") == 1]
        if len(pickles) != 1:
            raise ValueError("a zip archive, but none of PyTorch's")
        if any(i.compress_type != zipfile.ZIP_STORED for i in names.values()):
            raise ValueError("a compressed archive, which PyTorch does not write")
        folder = pickles[0][:-len("data.pkl")]
        if (folder + "byteorder" in names
                and archive.read(folder + "byteorder").strip() != b"little"):
            raise ValueError("of a big-endian machine")
        storages = {}

        def storage(key, dtype, count):
            if key not in storages:
                storages[key] = _Storage(dtype, count,
                                         bytearray(archive.read(f"{folder}data/{key}")))
            return storages[key]

        return _Unpickler(io.BytesIO(archive.read(pickles[0])), storage).load()


def _read_stream(file, length):
    def refuse(*_):
        raise ValueError("a storage where none belongs")

    def plain():
        return _Unpickler(file, refuse).load()

    if plain() != _LEGACY_MAGIC or plain() != _LEGACY_PROTOCOL:
        raise ValueError("not PyTorch's form")
    system = plain()
    if isinstance(system, dict) and not system.get("little_endian", True):
        raise ValueError("of a big-endian machine")
    storages, total = {}, 0

    def storage(key, dtype, count):
        nonlocal total
        if key not in storages:
            total += count * torch.empty((), dtype=dtype).element_size()
            if total > length:
                raise ValueError("its weights are cut off")
            storages[key] = _Storage(dtype, count)
        return storages[key]

    content = _Unpickler(file, storage).load()
    for key in plain():
        kept = storages[str(key)]
        count, = struct.unpack("<q", file.read(8))
        if count != kept.count or file.readinto(kept.data) != len(kept.data):
            raise ValueError("its weights are cut off")
    return content


def read(path):
    """What a checkpoint file holds: dictionaries, lists, numbers, texts and tensors on the CPU."""
    try:
        with open(path, "rb") as file:
            if file.read(4) == b"PK\x03\x04":
                return _read_archive(file)
            file.seek(0)
            return _read_stream(file, os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        raise TrainError(f"{path}: no such checkpoint") from None
    except OSError as error:
        raise TrainError(f"{path}: cannot be read ({error.strerror}); give the path of a "
                         f"checkpoint") from None
    except MemoryError:
        raise TrainError(f"{path}: too little memory to read this checkpoint") from None
    except Exception as error:   # whatever a damaged or hostile pickle makes the machine raise
        reason = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
        raise TrainError(f"{path}: not a whole PyTorch checkpoint ({reason}); "
                         f"download it again") from None
