"""RTMPose: CSPNeXt with the SimCC head and its gated attention unit (arXiv 2303.07399)."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .cspnext import SIZES, CSPNeXt
from .layers import ConvModule


class ScaleNorm(nn.Module):
    """Divides by the vector's root mean square and multiplies by one learned number."""

    def __init__(self, dims, eps=1e-5):
        super().__init__()
        self.scale = dims ** -0.5
        self.eps = eps
        self.g = nn.Parameter(torch.ones(1))

    def forward(self, x):
        norm = torch.linalg.norm(x, dim=-1, keepdim=True) * self.scale
        return x / norm.clamp(min=self.eps) * self.g


class Scale(nn.Module):
    """One learned factor per channel."""

    def __init__(self, dims):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(dims))

    def forward(self, x):
        return x * self.scale


class GatedAttentionUnit(nn.Module):
    """Self-attention among the keypoints, without relative position bias (the paper, 3.3).
    `places` [K,s], where given, are added to query and key (RTMO's position encoding)."""

    def __init__(self, dims, s=128, expansion=2):
        super().__init__()
        self.s = s
        self.e = int(dims * expansion)
        self.o = nn.Linear(self.e, dims, bias=False)
        self.uv = nn.Linear(dims, 2 * self.e + s, bias=False)
        self.gamma = nn.Parameter(torch.rand(2, s))
        self.beta = nn.Parameter(torch.rand(2, s))
        self.ln = ScaleNorm(dims)
        self.res_scale = Scale(dims)
        nn.init.xavier_uniform_(self.uv.weight)

    def forward(self, x, places=None):
        u, v, base = torch.split(F.silu(self.uv(self.ln(x))), [self.e, self.e, self.s], dim=-1)
        query, key = torch.unbind(base.unsqueeze(2) * self.gamma + self.beta, dim=2)
        if places is not None:
            query, key = query + places, key + places
        kernel = F.relu(torch.matmul(query, key.transpose(1, 2)) / math.sqrt(self.s)) ** 2
        return self.res_scale(x) + self.o(u * torch.matmul(kernel, v))


def rows(maps):
    """Maps [N,K,h,w] as vectors [N,K,h·w]; only N is left open in an export."""
    return maps.reshape(-1, int(maps.shape[1]), int(maps.shape[2]) * int(maps.shape[3]))


class SimCCHead(nn.Module):
    """A 7x7 convolution to one map per keypoint, each map to a vector, attention, two axes.

    In: the backbone's features. Out: the logits of both axes, and the heatmaps [N,K,h,w] that a
    training may ask to be right as well. The picture may be smaller than `input_size` while
    training: features are then stretched to the head's grid, the logits are of the full size.
    """

    stride = 32

    def __init__(self, channels, keypoints, input_size, dims=256, split=2.0):
        super().__init__()
        width, height = input_size
        self.grid = (height // self.stride, width // self.stride)
        self.build(channels, keypoints, self.grid[0] * self.grid[1], dims)
        self.gau = GatedAttentionUnit(dims)
        self.cls_x = nn.Linear(dims, int(width * split), bias=False)
        self.cls_y = nn.Linear(dims, int(height * split), bias=False)

    def build(self, channels, keypoints, cells, dims):
        self.final_layer = nn.Conv2d(channels[-1], keypoints, 7, padding=3)
        self.mlp = nn.Sequential(ScaleNorm(cells), nn.Linear(cells, dims, bias=False))

    def stretch(self, maps):
        if tuple(maps.shape[2:]) == self.grid:
            return maps
        return F.interpolate(maps, self.grid, mode="bilinear", align_corners=False)

    def vectors(self, features):
        """One vector per keypoint [N,K,dims], and the maps that they come from."""
        maps = self.final_layer(self.stretch(features[-1]))
        return self.mlp(rows(maps)), maps

    def forward(self, features):
        vectors, maps = self.vectors(features)
        x = self.gau(vectors)
        return (self.cls_x(x), self.cls_y(x)), maps


def enlarge(x, like):
    """Nearest neighbours, to the size of `like`; where that is twice the size, ONNX is told so."""
    size = [int(v) for v in like.shape[2:]]
    if size == [2 * int(v) for v in x.shape[2:]]:
        return F.interpolate(x, scale_factor=2.0, mode="nearest")
    return F.interpolate(x, size, mode="nearest")


class HeatmapBranch(nn.Module):
    """Heatmaps at stride 8 from the backbone's last three stages."""

    def __init__(self, channels, keypoints, dims=64):
        super().__init__()
        self.lateral = nn.ModuleList([ConvModule(c, dims, 1) for c in channels])
        self.merge = ConvModule(dims, dims, 3)
        self.heatmaps = nn.Conv2d(dims, keypoints, 1)

    def forward(self, features):
        x = self.lateral[-1](features[-1])
        for lateral, feature in zip(reversed(self.lateral[:-1]), reversed(features[:-1])):
            x = enlarge(x, feature) + lateral(feature)
        return self.heatmaps(self.merge(x))


class HeatmapSimCCHead(SimCCHead):
    """The head of `pico`: heatmaps at stride 8, each as a distribution over its cells to a vector,
    then attention and two axes as above. The sums of a distribution's rows and columns are what
    the axes are about, so the linear layers have little to learn (docs/training.md)."""

    stride = 8

    def build(self, channels, keypoints, cells, dims):
        self.branch = HeatmapBranch(channels, keypoints)
        self.mlp = nn.Linear(cells, dims, bias=False)
        self.gain = math.sqrt(cells / 3)   # a peak over three cells comes out as ones

    def vectors(self, features):
        maps = self.branch(features)
        cells = torch.softmax(rows(self.stretch(maps)).float(), -1)
        return self.mlp(cells * self.gain), maps


class RTMPose(nn.Module):
    """Pictures [N,3,H,W] to SimCC logits [N,K,2W] and [N,K,2H].

    With `auxiliary` a network of a published size has a HeatmapBranch beside its head, which tells
    every stage where the joints are, long before the fully connected layers know; it is not part
    of what is exported. `pico` has it inside its head.
    """

    family = "simcc"

    def __init__(self, size="pico", keypoints=17, input_size=(192, 256), split=2.0,
                 auxiliary=False):
        super().__init__()
        self.size, self.keypoints, self.input_size = size, keypoints, tuple(input_size)
        self.backbone = CSPNeXt(*SIZES[size], out_indices=(2, 3, 4))
        head = HeatmapSimCCHead if size == "pico" else SimCCHead
        self.head = head(self.backbone.channels, keypoints, input_size, split=split)
        if auxiliary and size != "pico":
            self.auxiliary = HeatmapBranch(self.backbone.channels, keypoints)

    def forward(self, pictures, maps=False):
        """The logits of both axes; with `maps` also the list of heatmaps [N,K,h,w]."""
        features = self.backbone(pictures)
        axes, heatmaps = self.head(features)
        if not maps:
            return axes
        return axes, [heatmaps] + ([self.auxiliary(features)] if hasattr(self, "auxiliary") else [])
