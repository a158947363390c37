"""Small ONNX, .npy and picture files for the tests of the program, written without any library."""
import ast
import struct
import zlib

FLOAT, INTS = 1, 7


def _varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while True:
        out.append(value & 127 | (128 if value > 127 else 0))
        value >>= 7
        if not value:
            return bytes(out)


def _number(field, value):
    return _varint(field << 3) + _varint(value)


def _bytes(field, value):
    value = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _value_info(name, dims):
    shape = b"".join(_bytes(1, _number(1, d) if isinstance(d, int) else _bytes(2, d))
                     for d in dims)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, FLOAT) + _bytes(2, shape)))


def tensor(name, dims, values):
    """A TensorProto of float32."""
    return (b"".join(_number(1, d) for d in dims) + _number(2, FLOAT) + _bytes(8, name)
            + _bytes(9, struct.pack(f"<{len(values)}f", *values)))


def node(operator, inputs, outputs, **attributes):
    """A NodeProto; the attributes are lists of whole numbers."""
    text = b"".join(_bytes(1, name) for name in inputs)
    text += b"".join(_bytes(2, name) for name in outputs) + _bytes(4, operator)
    for name, values in attributes.items():
        text += _bytes(5, _bytes(1, name) + b"".join(_number(8, v) for v in values)
                       + _number(20, INTS))
    return text


def onnx(nodes, inputs, outputs, tensors=()):
    """A ModelProto of opset 13; `inputs` and `outputs` map names to dims, open ones being text."""
    graph = b"".join(_bytes(1, n) for n in nodes) + _bytes(2, "small")
    graph += b"".join(_bytes(5, t) for t in tensors)
    graph += b"".join(_bytes(11, _value_info(*item)) for item in inputs.items())
    graph += b"".join(_bytes(12, _value_info(*item)) for item in outputs.items())
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 13))


def relu():
    """x [2, 3] → y: max(x, 0)."""
    return onnx([node("Relu", ["x"], ["y"])], {"x": [2, 3]}, {"y": [2, 3]})


def sum_open():
    """left + right → sum, of any length."""
    return onnx([node("Add", ["left", "right"], ["sum"])], {"left": ["n"], "right": ["n"]},
                {"sum": ["n"]})


def pose(count=17):
    """A pose network, of COCO's 17 keypoints if not told otherwise, for pictures of 64 × 48: each map is a mixture of the
    picture's colours, so that the keypoints lie where those colours are strongest."""
    weights = [((k * 7 + c * 5) % 11 - 5) / 20 for k in range(count) for c in range(3)]
    return onnx([node("Conv", ["image", "weights"], ["maps"], kernel_shape=[1, 1],
                      strides=[4, 4])],
                {"image": [1, 3, 64, 48]}, {"maps": [1, count, 16, 12]},
                [tensor("weights", [count, 3, 1, 1], weights)])


def deep_pose():
    """The same with three convolutions: the first, one of 3 × 3 between two ReLUs, and the head."""
    first = [((k * 3 + 1) % 7 - 2) / 4 for k in range(8 * 3)]
    middle = [((k * 5 + 2) % 11 - 5) / 40 for k in range(8 * 8 * 9)]
    head = [((k * 7 + 5) % 11 - 5) / 20 for k in range(17 * 8)]
    return onnx([node("Conv", ["image", "first"], ["a"], kernel_shape=[1, 1], strides=[4, 4]),
                 node("Relu", ["a"], ["b"]),
                 node("Conv", ["b", "middle"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
                 node("Relu", ["c"], ["d"]),
                 node("Conv", ["d", "head"], ["maps"], kernel_shape=[1, 1])],
                {"image": ["n", 3, 64, 48]}, {"maps": ["n", 17, 16, 12]},
                [tensor("first", [8, 3, 1, 1], first), tensor("middle", [8, 8, 3, 3], middle),
                 tensor("head", [17, 8, 1, 1], head)])


def one_stage(people):
    """An RTMO network for pictures of 64 × 64 that sees the same people in each: (box, score) of each,
    17 keypoints in a row along the top of the box."""
    dets, joints = [], []
    for (left, top, right, bottom), score in people:
        dets += [left, top, right, bottom, score]
        joints += [v for k in range(17) for v in (left + k, top, score)]
    count = len(people)
    return onnx([node("ReduceMean", ["x"], ["mean"]), node("Mul", ["mean", "zero"], ["nothing"]),
                 node("Squeeze", ["nothing"], ["none"]),
                 node("Add", ["people", "none"], ["dets"]),
                 node("Add", ["joints", "none"], ["keypoints"])],
                {"x": [1, 3, 64, 64]},
                {"dets": [1, count, 5], "keypoints": [1, count, 17, 3]},
                [tensor("zero", [1], [0.0]), tensor("people", [1, count, 5], dets),
                 tensor("joints", [1, count, 17, 3], joints)])


def padding(size):
    """A metadata property of the model with that many bytes of noise, to be put behind one."""
    noise = bytes(33 + (i * i * 7 + i // 3) % 90 for i in range(size))
    return _bytes(14, _bytes(1, "noise") + _bytes(2, noise))


def npy(dims, values, kind="f"):
    """A .npy file of format 1.0; `kind` is struct's letter: f float32, d float64, q int64."""
    descr = {"f": "<f4", "d": "<f8", "q": "<i8"}[kind]
    header = repr({"descr": descr, "fortran_order": False, "shape": tuple(dims)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
            + struct.pack(f"<{len(values)}{kind}", *values))


def read_npy(data):
    """(dims, values) of a float32 file."""
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    end = 10 + struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10:end].decode())
    assert header["descr"] == "<f4" and not header["fortran_order"], header
    return list(header["shape"]), list(struct.unpack(f"<{(len(data) - end) // 4}f", data[end:]))


def _chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data)))


def png(width, height, claimed=None):
    """Coloured noise, the same at every call; `claimed` is what the header says instead."""
    state, rows = 1, bytearray()
    for _ in range(height):
        rows.append(0)
        for _ in range(width * 3):
            state = (state * 1664525 + 1013904223) & 0xffffffff
            rows.append(state >> 24)
    header = struct.pack(">IIBBBBB", *(claimed or (width, height)), 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
            + _chunk(b"IDAT", zlib.compress(bytes(rows))) + _chunk(b"IEND", b""))


def png_size(data):
    """(width, height) that a PNG file's header says."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:8]
    return struct.unpack(">II", data[16:24])
