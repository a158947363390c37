"""Pixels: pictures from files, optionally kept decoded in one cache file that workers share."""

import hashlib
import os

import numpy as np
from PIL import Image, ImageOps

from ..errors import TrainError

Image.MAX_IMAGE_PIXELS = 100_000_000

# ImageNet's mean and deviation of red, green and blue, 0 to 255, which every network here wants.
MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)


def normalise(pixels):
    """Pixels [..., 3] as float32, ready for a network, in their own order of colours."""
    return (pixels.astype(np.float32) - MEAN) / STD


def decode(path):
    """RGB pixels [H, W, 3] of a picture file, upright."""
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError:
        raise TrainError(f"{path}: no such picture; check the data set's root") from None
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise TrainError(f"{path}: cannot be decoded ({error})") from None


class PictureStore:
    """Gives pixels by number. With a cache folder every picture is decoded once for all runs."""

    def __init__(self, paths, cache=None, progress=None):
        self.paths = paths
        self.cache = None
        if cache:
            self._open_cache(cache, progress)

    def _open_cache(self, folder, progress):
        key = hashlib.sha256("\n".join(self.paths).encode()).hexdigest()[:16]
        base = os.path.join(folder, f"pixels-{key}")
        if not os.path.exists(base + ".npy"):
            os.makedirs(folder, exist_ok=True)
            table, offset, unfinished = [], 0, f"{base}.{os.getpid()}"
            try:
                with open(unfinished, "wb") as file:
                    for i, path in enumerate(self.paths):
                        pixels = decode(path)
                        table.append((offset, *pixels.shape[:2]))
                        file.write(pixels.tobytes())
                        offset += pixels.size
                        if progress:
                            progress(i + 1, len(self.paths))
                os.replace(unfinished, base + ".rgb")
                np.save(unfinished + ".npy", np.array(table, np.int64))
                os.replace(unfinished + ".npy", base + ".npy")
            except OSError as error:
                raise TrainError(f"{folder}: the cache cannot be written ({error.strerror}); "
                                 f"free space or leave data.cache out") from None
            finally:
                for leftover in (unfinished, unfinished + ".npy"):
                    if os.path.exists(leftover):
                        os.unlink(leftover)
        self.table = np.load(base + ".npy")
        self.cache = np.memmap(base + ".rgb", np.uint8, "r")

    def __getitem__(self, number):
        if self.cache is None:
            return decode(self.paths[number])
        offset, height, width = self.table[number]
        return self.cache[offset:offset + height * width * 3].reshape(height, width, 3)
