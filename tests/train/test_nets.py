"""The networks are the published ones: parameters, multiply-adds, and the outputs of the shared
graphs with their weights carried over."""

import os
import unittest

import numpy as np
import structures
import torch
from torch import nn

from stance_train import unpickle
from stance_train.checkpoint import load_strictly
from stance_train.nets.mobilenetv2 import HeatmapPose
from stance_train.nets.rtmdet import RTMDet
from stance_train.nets.rtmo import RTMO
from stance_train.nets.simcc import RTMPose
from stance_train.nets.stgcn import STGCN

torch.set_num_threads(1)
SHARED = unittest.skipUnless(structures.available(), "needs ../shared and python3-onnx")


def millions(network):
    return sum(p.numel() for p in network.parameters()) / 1e6


@torch.no_grad()
def multiply_adds(network, *shape, norms=0):
    """Those of convolutions and linear layers, in 1e9, for one input; `norms` more for every value
    that is normalised."""
    total = 0

    def count(module, _, output):
        nonlocal total
        each = module.weight[0].numel()
        if isinstance(module, nn.ConvTranspose2d):   # every input value meets all of its weights
            each = module.weight[:, 0].numel() / np.prod(module.stride)
        total += output.numel() * each

    def count_norm(module, _, output):
        nonlocal total
        total += norms * output.numel()

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            module.register_forward_hook(count)
        elif isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(count_norm)
    network.eval()(torch.zeros(shape))
    return total / 1e9


class Sizes(unittest.TestCase):
    """Against the tables of RTMPose (arXiv 2303.07399), MMPose and MMDetection, to the printed
    digits where no tolerance is given."""

    def test_rtmpose(self):
        for size, parameters, cost in (("t", 3.34, 0.36), ("s", 5.47, 0.68), ("m", 13.59, 1.93),
                                       ("l", 27.66, 4.16)):
            network = RTMPose(size)
            self.assertEqual(round(millions(network), 2), parameters, size)
            # MMEngine's counter, behind that table, takes two for every normalised value.
            self.assertEqual(round(multiply_adds(network, 1, 3, 256, 192, norms=2), 2), cost, size)

    def test_pico_takes_smaller_pictures(self):
        network = RTMPose("pico").eval()
        self.assertLess(millions(network), 2.5)
        for width, height in ((192, 256), (144, 192), (96, 128)):
            with torch.no_grad():
                axes, (heatmaps,) = network(torch.zeros(2, 3, height, width), maps=True)
            self.assertEqual([list(a.shape) for a in axes], [[2, 17, 384], [2, 17, 512]])
            self.assertEqual(list(heatmaps.shape), [2, 17, height // 8, width // 8])

    def test_rtmdet_for_people(self):
        for size, parameters, cost, side in (("nano", 0.99, 0.31, 320), ("m", 24.66, 38.95, 640)):
            network = RTMDet(size)
            self.assertEqual(round(millions(network), 2), parameters, size)
            self.assertLess(abs(multiply_adds(network, 1, 3, side, side) / cost - 1), 0.015, size)

    def test_rtmdet_of_80_classes(self):
        for size, parameters, digits in (("t", 4.9, 1), ("s", 8.89, 2), ("m", 24.71, 2),
                                         ("l", 52.3, 1), ("x", 94.86, 2)):
            self.assertEqual(round(millions(RTMDet(size, classes=80)), digits), parameters, size)

    def test_rtmo(self):
        for size, parameters in (("s", 9.9), ("m", 22.6), ("l", 44.8)):   # arXiv 2312.07526
            self.assertLess(abs(millions(RTMO(size)) / parameters - 1), 0.005, size)
        self.assertLess(abs(multiply_adds(RTMO("s", most=50), 1, 3, 640, 640) / 12.2 - 1), 0.02)

    def test_mobilenetv2(self):
        network = HeatmapPose()
        self.assertEqual(round(millions(network), 2), 9.57)
        self.assertLess(abs(multiply_adds(network, 1, 3, 256, 192) / 1.565 - 1), 0.005)

    def test_stgcn(self):
        self.assertEqual(round(millions(STGCN()), 2), 1.39)   # PYSKL, arXiv 2205.09443


class Constants(unittest.TestCase):
    """What no tensor of a checkpoint holds, from the published configurations."""

    def epsilons(self, module):
        return {m.eps for m in module.modules() if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d,
                                                                  nn.LayerNorm))}

    def test_epsilons(self):
        for network in (RTMPose("t"), RTMDet("nano"), HeatmapPose(), STGCN("small")):
            self.assertEqual(self.epsilons(network), {1e-5}, network.family)
        network = RTMO("t")
        for part, epsilon in ((network.backbone, 1e-3), (network.head.head_module, 1e-3),
                              (network.neck, 1e-5), (network.head.dcc, 1e-5)):
            self.assertEqual(self.epsilons(part), {epsilon})

    def test_only_the_large_rtmdet_use_the_exponential(self):
        found = {size for size in ("nano", "t", "s", "m", "l", "x")
                 if RTMDet(size).bbox_head.exponential}
        self.assertEqual(found, {"m", "l", "x"})

    def test_rtmos_cells_have_their_points_in_the_middle_of_the_pixels(self):
        points, strides = RTMO._cells([torch.zeros(1, 1, 2, 3), torch.zeros(1, 1, 1, 1)])
        self.assertEqual(points.tolist()[:2], [[7.5, 7.5], [23.5, 7.5]])
        self.assertEqual((points[-1].tolist(), strides[-1].item()), ([15.5, 15.5], 32))


def parameter(value, *shape):
    tensor = torch.from_numpy(value.copy())
    return nn.Parameter(tensor.reshape(shape) if shape else tensor)


def attention_constants(graph, gau, name):
    """The constants of a gated attention unit, which are no layers."""
    scale = [node for node in graph.graph.node if node.name == name + "/Mul_1"][0]
    gau.gamma = parameter([graph.values[i] for i in scale.input if i in graph.values][0], 2, 128)
    gau.beta = parameter(graph.values["gau.beta"])
    gau.ln.g = parameter(graph.values["gau.ln.g"])
    gau.res_scale.scale = parameter(graph.values["gau.res_scale.scale"])


@SHARED
class Graphs(unittest.TestCase):
    """ONNX Runtime's outputs of the published graphs, from our networks in PyTorch."""

    def agrees(self, graph, outputs, tolerance=1e-5):
        for name, difference in structures.differences(graph, outputs).items():
            self.assertLess(difference, tolerance, name)

    @torch.no_grad()
    def test_rtmpose(self):
        for name, size, keypoints in (("rtmpose-t", "t", 17), ("rtmpose-l", "l", 17),
                                      ("rtmpose-m-wb133", "m", 133)):
            graph, network = structures.Graph(name), RTMPose(size, keypoints).eval()
            self.assertEqual(structures.carry_over(graph, network, structures.RTMPOSE), set())
            network.head.mlp[0].g = parameter(graph.values["mlp.0.g"])
            attention_constants(graph, network.head.gau, "/gau")
            self.agrees(graph, network(graph.input))

    @torch.no_grad()
    def test_rtmdet(self):
        graph, network = structures.Graph("rtmdet-nano-320-raw"), RTMDet("nano").eval()
        self.assertEqual(structures.carry_over(graph, network, structures.RTMDET), set())
        maps = network(graph.input)
        self.agrees(graph, [c for c, _ in maps] + [r for _, r in maps])

    @torch.no_grad()
    def test_rtmdet_m_has_the_layers_and_the_exponential(self):
        graph, network = structures.Graph("rtmdet-m-640"), RTMDet("m")
        left = structures.carry_over(graph, network, structures.RTMDET)
        self.assertEqual(left, set())
        self.assertIn("Exp", {node.op_type for node in graph.graph.node})
        self.assertTrue(network.bbox_head.exponential)

    @torch.no_grad()
    def test_mobilenetv2(self):
        graph, network = structures.Graph("mobilenetv2-heatmap"), HeatmapPose().eval()
        self.assertEqual(structures.carry_over(graph, network, structures.MOBILENET), set())
        self.agrees(graph, [network(graph.input)])

    @torch.no_grad()
    def test_stgcn(self):
        graph, network = structures.Graph("stgcnpp"), STGCN().eval()
        self.assertEqual(structures.carry_over(graph, network, structures.STGCN), set())
        self.agrees(graph, [network(graph.input)])

    @torch.no_grad()
    def test_rtmo(self):
        graph, network = structures.Graph("rtmo-s-nonms"), RTMO("s", most=50).eval()
        left = structures.carry_over(graph, network, structures.RTMO, r"enc\.attn")
        # The graph has the sum of RepVGG's branches, no training layers, another attention.
        self.assertTrue(all("branch_1x1" in n or "sigma_fc" in n or "kpt_reg" in n
                            or n.endswith("attn.out_proj") for n in left), left)
        for module in network.modules():
            if hasattr(module, "branch_1x1"):
                module.branch_1x1.conv.weight.zero_()
        layers = [(w, b) for _, path, w, b in graph.layers() if "enc.attn" in path]
        encoder = network.neck.encoder[0].layers[0]
        attention = encoder.self_attn.attn
        attention.in_proj_weight = parameter(np.concatenate([w for w, _ in layers[:3]]))
        attention.in_proj_bias = parameter(np.concatenate([b for _, b in layers[:3]]))
        attention.out_proj.weight, attention.out_proj.bias = map(parameter, layers[3])
        for i, layer in enumerate(encoder.norms):
            layer.weight = parameter(graph.values[f"neck.enc.n{i + 1}.weight"])
            layer.bias = parameter(graph.values[f"neck.enc.n{i + 1}.bias"])
        self.assertTrue(torch.equal(network.neck.sincos_pos_enc.grid(20, 20),
                                    parameter(graph.values["neck.pos"])))
        # That graph puts a cell's point at 8, MMPose's MlvlPointGenerator at 7.5 (stride 16).
        cells = network._cells
        network._cells = lambda features: (cells(features)[0] + 0.5, cells(features)[1])
        dcc = network.head.dcc
        gamma_q, beta_q, gamma_k, beta_k = (
            graph.values[f"/head/gau/Constant_{i}_output_0"] for i in (4, 5, 6, 7))
        dcc.gau.gamma = parameter(np.stack([gamma_q, gamma_k]), 2, 128)
        dcc.gau.beta = parameter(np.stack([beta_q[0, 0], beta_k[0, 0]], 1))
        dcc.pos_enc.zero_()
        dcc.gau.ln.g = parameter(graph.values["head.gau.ln.g"])
        dcc.gau.res_scale.scale = parameter(graph.values["head.gau.res.scale"])
        self.agrees(graph, network(graph.input))


@unittest.skipUnless(os.path.isdir(structures.SHARED), "needs ../shared")
class RealCheckpoint(unittest.TestCase):
    @torch.no_grad()
    def test_pyskl_gestures_give_pyskls_logits(self):
        data = os.path.join(structures.SHARED, "data")
        path = os.path.join(data, "models", "stgcnpp_hagrid_gesture40.pth")
        network = STGCN("small", 40, "hand", 2, 10, 1)
        load_strictly(network, unpickle.read(path), path)

        def values(name, *shape):
            file = os.path.join(data, "fixtures", "parity", f"stgcnpp.{name}.f32.bin")
            return np.fromfile(file, np.float32).reshape(shape)

        found = network.eval()(torch.from_numpy(values("in", 50, 1, 10, 21, 2))).numpy()
        for name in ("ort_logits", "pytorch_logits"):
            np.testing.assert_allclose(found, values(name, 50, 40), atol=1e-4)


if __name__ == "__main__":
    unittest.main()
