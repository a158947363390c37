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


class SimCCHead(nn.Module):
    """A 7x7 convolution to one map per keypoint, each map to a vector, attention, two axes."""

    def __init__(self, channels, keypoints, input_size, dims=256, split=2.0):
        super().__init__()
        width, height = input_size
        self.grid = (height // 32, width // 32)
        flat = self.grid[0] * self.grid[1]
        self.final_layer = nn.Conv2d(channels, keypoints, 7, padding=3)
        self.mlp = nn.Sequential(ScaleNorm(flat), nn.Linear(flat, dims, bias=False))
        self.gau = GatedAttentionUnit(dims)
        self.cls_x = nn.Linear(dims, int(width * split), bias=False)
        self.cls_y = nn.Linear(dims, int(height * split), bias=False)

    def forward(self, features):
        """The logits of both axes, and the convolution's maps [N,K,h,w] that they come from."""
        maps = self.final_layer(features)
        x = self.gau(self.mlp(torch.flatten(maps, 2)))
        return (self.cls_x(x), self.cls_y(x)), maps


class HeatmapBranch(nn.Module):
    """Heatmaps at stride 8 from the backbone's last three stages, while training only: they tell
    every stage where the joints are, long before the fully connected layers know."""

    def __init__(self, channels, keypoints, dims=64):
        super().__init__()
        self.lateral = nn.ModuleList([ConvModule(c, dims, 1) for c in channels])
        self.merge = ConvModule(dims, dims, 3)
        self.heatmaps = nn.Conv2d(dims, keypoints, 1)

    def forward(self, features):
        x = self.lateral[-1](features[-1])
        for lateral, feature in zip(reversed(self.lateral[:-1]), reversed(features[:-1])):
            x = F.interpolate(x, feature.shape[2:], mode="nearest") + lateral(feature)
        return self.heatmaps(self.merge(x))


class RTMPose(nn.Module):
    """Pictures [N,3,H,W] to SimCC logits [N,K,2W] and [N,K,2H].

    A smaller picture than `input_size` may be given while training: its features are then
    stretched to the head's grid and the logits are those of the full size. With `auxiliary` there
    is a HeatmapBranch, which is not part of what is exported.
    """

    family = "simcc"

    def __init__(self, size="pico", keypoints=17, input_size=(192, 256), split=2.0,
                 auxiliary=False):
        super().__init__()
        self.size, self.keypoints, self.input_size = size, keypoints, tuple(input_size)
        self.backbone = CSPNeXt(*SIZES[size], out_indices=(2, 3, 4))
        self.head = SimCCHead(self.backbone.channels[-1], keypoints, input_size, split=split)
        if auxiliary:
            self.auxiliary = HeatmapBranch(self.backbone.channels, keypoints)

    def forward(self, pictures, maps=False):
        """The logits of both axes; with `maps` also the list of heatmaps [N,K,h,w]."""
        features = self.backbone(pictures)
        last = features[-1]
        if tuple(last.shape[2:]) != self.head.grid:
            last = F.interpolate(last, self.head.grid, mode="bilinear", align_corners=False)
        axes, coarse = self.head(last)
        if not maps:
            return axes
        return axes, [coarse] + ([self.auxiliary(features)] if hasattr(self, "auxiliary") else [])
