"""Where a training starts from: fresh weights, a checkpoint of ours or an official one, or an
exported ONNX file such as a built-in model, whose batch normalisations have become part of the
convolutions."""

import numpy as np
import torch
from torch import nn

from . import checkpoint
from .convert import read_weights
from .errors import TrainError
from .nets.layers import ConvModule


def _weights_of(path):
    """Weighted layers of an ONNX file in running order, as (kernel, bias), and all by name."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise TrainError(f"{path}: starting from ONNX needs the onnx package "
                         f"(Debian: python3-onnx)") from None
    try:
        graph = onnx.load(path).graph
    except Exception as error:   # whatever protobuf raises
        raise TrainError(f"{path}: cannot be read as ONNX ({str(error).splitlines()[0]})") from None
    values = {i.name: numpy_helper.to_array(i).astype(np.float32) for i in graph.initializer}
    for node in graph.node:   # half precision, and equal weights that are stored once
        if node.op_type in ("Cast", "Identity") and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    layers = []
    for node in graph.node:
        if node.op_type in ("Conv", "MatMul", "Gemm") and node.input[1] in values:
            kernel = values[node.input[1]]
            bias = values.get(node.input[2]) if len(node.input) > 2 else None
            layers.append((kernel if node.op_type == "Conv" else kernel.T, bias))
    return layers, values


def _running_order(network, example):
    """Convolutions and linear layers in the order in which they run, each once."""
    order, handles = [], []
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            handles.append(module.register_forward_hook(lambda m, i, o: order.append(m)))
    with torch.no_grad():
        network.eval()(example)
    for handle in handles:
        handle.remove()
    return order


def _copy(parameter, values, path, name):
    if list(parameter.shape) != list(values.shape):
        raise TrainError(f"{path}: {name} is {list(values.shape)}, expected "
                         f"{list(parameter.shape)}; start from a network of the same size")
    parameter.data.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def load_onnx(network, path, input_size):
    """Takes over an exported network. Its normalisations change nothing afterwards, so they are
    kept as they are while training (`network.norms_folded`)."""
    layers, values = _weights_of(path)
    order = _running_order(network, torch.zeros(1, 3, input_size[1], input_size[0]))
    if len(order) != len(layers):
        raise TrainError(f"{path}: {len(layers)} layers with weights where this network has "
                         f"{len(order)}; start from a network of the same size")
    names = {module: name for name, module in network.named_modules()}
    owner = {m.conv: m for m in network.modules() if isinstance(m, ConvModule)}
    done = set()
    for module, (kernel, bias) in zip(order, layers):
        _copy(module.weight, kernel, path, names[module] + ".weight")
        done.add(module.weight)
        if module in owner:
            norm = owner[module].bn
            nn.init.ones_(norm.weight)
            _copy(norm.bias, bias, path, names[norm] + ".bias")
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
            done |= {norm.weight, norm.bias}
        elif module.bias is not None:
            _copy(module.bias, bias, path, names[module] + ".bias")
            done.add(module.bias)
    for name, parameter in network.named_parameters():
        if parameter not in done and not name.startswith("auxiliary."):
            if name not in values:
                raise TrainError(f"{path}: it has no {name}; only files that stance_train export "
                                 f"wrote can be started from")
            _copy(parameter, values[name], path, name)
    network.norms_folded = True


def load_start(network, path, input_size, part=""):
    """Loads the weights of `path` into a fresh network, or only those of one part (`backbone`,
    say); "" leaves it as it is."""
    if path.endswith(".onnx"):
        if part or not input_size:
            raise TrainError(f"{path}: a part of a network, or one for actions, starts from a "
                             f"checkpoint, not from ONNX")
        load_onnx(network, path, input_size)
    elif path:
        weights = read_weights(path)
        if part:
            checkpoint.load_part(network, part, weights, path)
        else:
            checkpoint.load_averaged(network, weights, path)
