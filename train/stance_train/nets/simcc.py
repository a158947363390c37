"""RTMPose: CSPNeXt with the SimCC head and its gated attention unit (arXiv 2303.07399)."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .cspnext import SIZES, CSPNeXt


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
    """Self-attention among the keypoints, without relative position bias (the paper, 3.3)."""

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

    def forward(self, x):
        u, v, base = torch.split(F.silu(self.uv(self.ln(x))), [self.e, self.e, self.s], dim=-1)
        query, key = torch.unbind(base.unsqueeze(2) * self.gamma + self.beta, dim=2)
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

    def forward(self, features, maps=False):
        """The logits of both axes; with `maps` also the convolution's maps [N,K,h,w]."""
        coarse = self.final_layer(features)
        x = self.gau(self.mlp(torch.flatten(coarse, 2)))
        axes = self.cls_x(x), self.cls_y(x)
        return (axes, coarse) if maps else axes


class RTMPose(nn.Module):
    """Pictures [N,3,H,W] to SimCC logits [N,K,2W] and [N,K,2H].

    A smaller picture than `input_size` may be given while training: its features are then
    stretched to the head's grid and the logits are those of the full size.
    """

    family = "simcc"

    def __init__(self, size="pico", keypoints=17, input_size=(192, 256)):
        super().__init__()
        self.size, self.keypoints, self.input_size = size, keypoints, tuple(input_size)
        self.backbone = CSPNeXt(*SIZES[size])
        self.head = SimCCHead(self.backbone.channels[-1], keypoints, input_size)

    def forward(self, pictures, maps=False):
        features = self.backbone(pictures)[-1]
        if tuple(features.shape[2:]) != self.head.grid:
            features = F.interpolate(features, self.head.grid, mode="bilinear",
                                     align_corners=False)
        return self.head(features, maps)
