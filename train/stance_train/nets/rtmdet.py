"""RTMDet for people: CSPNeXt, its path aggregation neck and a head per level (arXiv 2212.07784)."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .cspnext import SIZES, CSPNeXt
from .layers import ConvModule, CSPLayer, conv_class

STRIDES = (8, 16, 32)

# Name: (backbone depth and width, neck blocks, neck channels, depthwise throughout, shared head,
# distances through the exponential). `pico` is ours; the others are the published ones
# (MMDetection's configs/rtmdet, MMPose's projects/rtmpose/rtmdet).
DETECTORS = {
    "pico": ((0.167, 0.25), 1, 48, True, False, False),
    "nano": ((0.33, 0.25), 1, 64, True, False, False),
    "t": (SIZES["t"], 1, 96, False, True, False),
    "s": (SIZES["s"], 1, 128, False, True, False),
    "m": (SIZES["m"], 2, 192, False, True, True),
    "l": (SIZES["l"], 3, 256, False, True, True),
    "x": (SIZES["x"], 4, 320, False, True, True),
}


class CSPNeXtPAFPN(nn.Module):
    """Features down and up again, every level to the same number of channels."""

    def __init__(self, channels, outputs, blocks, use_depthwise):
        super().__init__()
        conv = conv_class(use_depthwise)
        levels = len(channels)

        def layer(inputs, out):
            return CSPLayer(inputs, out, blocks, False, use_depthwise)

        self.reduce_layers = nn.ModuleList(
            [ConvModule(channels[i], channels[i - 1], 1) for i in range(levels - 1, 0, -1)])
        self.top_down_blocks = nn.ModuleList(
            [layer(2 * channels[i - 1], channels[i - 1]) for i in range(levels - 1, 0, -1)])
        self.downsamples = nn.ModuleList(
            [conv(channels[i], channels[i], 3, 2) for i in range(levels - 1)])
        self.bottom_up_blocks = nn.ModuleList(
            [layer(2 * channels[i], channels[i + 1]) for i in range(levels - 1)])
        self.out_convs = nn.ModuleList([conv(c, outputs, 3) for c in channels])

    def forward(self, inputs):
        inner = [inputs[-1]]
        for i, (reduce, block) in enumerate(zip(self.reduce_layers, self.top_down_blocks)):
            inner[0] = reduce(inner[0])
            up = F.interpolate(inner[0], scale_factor=2.0, mode="nearest")
            inner.insert(0, block(torch.cat([up, inputs[-2 - i]], 1)))
        outputs = [inner[0]]
        for down, block, feature in zip(self.downsamples, self.bottom_up_blocks, inner[1:]):
            outputs.append(block(torch.cat([down(outputs[-1]), feature], 1)))
        return [conv(x) for conv, x in zip(self.out_convs, outputs)]


class RTMDetHead(nn.Module):
    """Two convolutions each for class and box, then one output layer per level. The large sizes
    share the convolutions between levels but not their normalisations."""

    def __init__(self, channels, use_depthwise, share, exponential=False, classes=1):
        super().__init__()
        self.exponential = exponential
        conv = conv_class(use_depthwise)

        def tower():
            return nn.Sequential(conv(channels, channels, 3), conv(channels, channels, 3))

        self.cls_convs = nn.ModuleList([tower() for _ in STRIDES])
        self.reg_convs = nn.ModuleList([tower() for _ in STRIDES])
        self.rtm_cls = nn.ModuleList([nn.Conv2d(channels, classes, 1) for _ in STRIDES])
        self.rtm_reg = nn.ModuleList([nn.Conv2d(channels, 4, 1) for _ in STRIDES])
        if share:
            for towers in (self.cls_convs, self.reg_convs):
                for i in range(1, len(STRIDES)):
                    for layer, first in zip(towers[i], towers[0]):
                        layer.conv = first.conv
        for layer in self.rtm_cls:   # one cell in a hundred, to begin with
            nn.init.constant_(layer.bias, -math.log(99))
        for layer in self.rtm_reg:
            nn.init.constant_(layer.bias, math.log(2) if exponential else 2.0)

    def forward(self, features):
        """Per level the logits [N,classes,h,w] and the distances left, top, right, bottom [N,4,h,w]
        in pixels."""
        outputs = []
        for i, (x, stride) in enumerate(zip(features, STRIDES)):
            distances = self.rtm_reg[i](self.reg_convs[i](x))
            if self.exponential:
                distances = distances.exp()
            outputs.append((self.rtm_cls[i](self.cls_convs[i](x)), distances * stride))
        return outputs


class RTMDet(nn.Module):
    """Pictures [N,3,H,W] (BGR, normalised) to the head's pairs of maps at strides 8, 16, 32."""

    family = "rtmdet"

    def __init__(self, size="pico", input_size=(320, 320), classes=1):
        super().__init__()
        (depth, width), blocks, channels, use_depthwise, share, exponential = DETECTORS[size]
        self.size, self.input_size = size, tuple(input_size)
        self.backbone = CSPNeXt(depth, width, use_depthwise, (2, 3, 4))
        self.neck = CSPNeXtPAFPN(self.backbone.channels, channels, blocks, use_depthwise)
        self.bbox_head = RTMDetHead(channels, use_depthwise, share, exponential, classes)

    def forward(self, pictures):
        return self.bbox_head(self.neck(self.backbone(pictures)))
