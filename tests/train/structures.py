"""The published networks' graphs of the shared models-structure, as the tests use them: filled with
their seeded weights, and these weights carried over into our networks, layer by layer and by name.
"""

import importlib.util
import json
import os
import re
import tempfile

import numpy as np
import torch
from torch import nn

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SHARED = os.path.join(ROOT, "..", "shared")
FOLDER = os.path.join(SHARED, "models-structure")

# From the paths of the graphs' nodes to our modules.
RTMPOSE = [(r"^backbone\.stages\.(\d)", lambda m: f"backbone.stage{int(m[1]) + 1}"),
           (r"^(final_layer|mlp|gau|cls)", r"head.\1")]
RTMDET = RTMPOSE[:1] + [(r"^neck\.top_down\.", "neck.top_down_blocks."),
                        (r"^neck\.bottom_up\.", "neck.bottom_up_blocks."),
                        (r"^neck\.reduce\.", "neck.reduce_layers."),
                        (r"^neck\.down\.", "neck.downsamples."),
                        (r"^neck\.out\.", "neck.out_convs."), (r"^head\.", "bbox_head.")]
STGCN = [(r"^gcn\.", "backbone.gcn."), (r"^data_bn", "backbone.data_bn"),
         (r"^fc$", "cls_head.fc_cls")]


def _mobilenet_layer(match):
    """The graph counts MobileNetV2's blocks from 0, MMPose names seven layers of them."""
    number = int(match[1])
    if number in (0, 18):
        return "backbone.conv1" if number == 0 else "backbone.conv2"
    for layer, blocks in enumerate((1, 2, 3, 4, 3, 3, 1)):
        if number <= blocks:
            return f"backbone.layer{layer + 1}.{number - 1}"
        number -= blocks


MOBILENET = [(r"^backbone\.(\d+)", _mobilenet_layer), (r"^deconv\.", "head.deconv_layers."),
             (r"^final$", "head.final_layer")]
RTMO = RTMPOSE[:1] + [(r"^backbone\.stem$", "backbone.stem.conv.conv"),
                      (r"^neck\.(fpn|pan)\.", r"neck.\1_blocks."),
                      (r"^neck\.lateral\.", "neck.lateral_convs."),
                      (r"^neck\.down\.", "neck.downsample_convs."),
                      (r"^neck\.proj\.", "neck.projector.convs."),
                      (r"^neck\.inp\.", "neck.input_proj."),
                      (r"\.rep$", ".branch_3x3.conv"),
                      (r"^neck\.enc\.fc1$", "neck.encoder.0.layers.0.ffn.layers.0.0"),
                      (r"^neck\.enc\.fc2$", "neck.encoder.0.layers.0.ffn.layers.1"),
                      (r"^head\.pose_to_kpts$", "head.dcc.pose_to_kpts.0"),
                      (r"^head\.(gau|x_fc|y_fc)", r"head.dcc.\1"),
                      (r"^head\.(conv|out)_", r"head.head_module.\1_")]


def available():
    return os.path.isdir(FOLDER) and importlib.util.find_spec("onnx") is not None


def _filler():
    spec = importlib.util.spec_from_file_location("fill", os.path.join(FOLDER, "fill.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Graph:
    """One graph with its weights, its input and ONNX Runtime's outputs."""

    def __init__(self, name):
        import onnx
        from onnx import numpy_helper
        filler = _filler()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "filled.onnx")
            filler.fill(os.path.join(FOLDER, name + ".onnx.xz"), path)
            self.graph = onnx.load(path).graph
        self.values = {t.name: numpy_helper.to_array(t) for t in self.graph.initializer}
        for node in self.graph.node:
            for a in node.attribute:
                if node.op_type == "Constant" and a.name == "value":
                    self.values[node.output[0]] = numpy_helper.to_array(a.t)
        with open(os.path.join(FOLDER, "expected", "index.json"), encoding="utf-8") as file:
            entry = json.load(file).get(name)
        if entry:
            noise = filler.noise("input:" + name, int(np.prod(entry["shape"])), [0.0, 0.8])
            self.input = torch.from_numpy(noise.reshape(entry["shape"]))
            self.expected = {k: (np.load(os.path.join(FOLDER, "expected", o["file"])), o["every"])
                             for k, o in entry["outputs"].items()}

    @staticmethod
    def path(node):
        """/a/a.0/conv/Conv becomes a.0.conv: a scope that the next one spells out is left out."""
        parts = node.name.strip("/").split("/")[:-1]
        return ".".join(p for i, p in enumerate(parts)
                        if i + 1 == len(parts) or not parts[i + 1].startswith(p + "."))

    def layers(self):
        """(operator, path, weights, bias or None) of all layers with weights."""
        adds = {i: n for n in self.graph.node if n.op_type == "Add" for i in n.input}
        for node in self.graph.node:
            if node.op_type in ("Conv", "ConvTranspose", "Gemm"):
                weights = [self.values[i] for i in node.input[1:]]
                yield node.op_type, self.path(node), weights[0], (weights + [None])[1]
            elif node.op_type == "MatMul" and node.input[1] in self.values:
                add = adds.get(node.output[0])
                bias = [self.values[i] for i in add.input if i in self.values] if add else []
                yield "MatMul", self.path(node), self.values[node.input[1]].T, (bias + [None])[0]

    def parameter_shapes(self):
        return sorted(weights.shape for _, _, weights, _ in self.layers())


def neutral(network):
    """Normalisations that do nothing: a fused graph has none."""
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm1d)):
            module.running_mean.zero_()
            module.running_var.fill_(1 - module.eps)


def _renamed(path, rules):
    for pattern, new in rules:
        path = re.sub(pattern, new, path)
    return path


@torch.no_grad()
def carry_over(graph, network, rules, skip=r"$^"):
    """Gives our layers the weights of the graph's, and our parameters those that have a name of
    their own there. Returns our layers which got none."""
    neutral(network)
    modules = dict(network.named_modules(remove_duplicate=False))
    left = {n for n, m in modules.items()
            if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))}
    for _, path, weights, bias in graph.layers():
        if re.search(skip, path):
            continue
        path = _renamed(path, rules)
        module = modules[path]
        if tuple(module.weight.shape) != weights.shape:
            raise AssertionError(f"{path}: {weights.shape}, ours {tuple(module.weight.shape)}")
        module.weight.copy_(torch.from_numpy(weights.copy()))
        left.discard(path)
        if bias is None:
            continue
        if module.bias is None:
            module = modules[path[:-len("conv")] + "bn"]
        module.bias.copy_(torch.from_numpy(bias.copy()))
    state = network.state_dict()
    for name, value in graph.values.items():
        name = _renamed(name, rules)
        if name in state and state[name].shape == value.shape:
            state[name].copy_(torch.from_numpy(value.copy()))
    return left


def differences(graph, outputs):
    """The largest relative difference of each output from ONNX Runtime's."""
    found = {}
    for (name, (expected, every)), output in zip(graph.expected.items(), outputs):
        ours = output.detach().numpy().reshape(-1)[::every]
        scale = max(float(np.abs(expected).max()), 1e-6)
        found[name] = float(np.abs(ours - expected.reshape(-1)).max()) / scale
    return found
