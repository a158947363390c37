"""The blocks that CSPNeXt, its neck and its heads are made of.

Attribute names are those of the published MMPose and MMDetection modules, so that an official
checkpoint's keys are ours as well and need no table of renamings (see `convert.py`).
"""

import torch
from torch import nn


class ConvModule(nn.Module):
    """Convolution, batch normalisation and activation; `act=None` leaves the activation out.

    The published configurations of RTMPose and RTMDet name a synchronised batch normalisation
    without numbers, which makes its epsilon 1e-5; see `set_norms` for those with other numbers.
    """

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1, act=nn.SiLU):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups,
                              bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.activate = act(inplace=True) if act else nn.Identity()

    def forward(self, x):
        return self.activate(self.bn(self.conv(x)))


class DepthwiseSeparableConvModule(nn.Module):
    """A depthwise and a pointwise convolution, each with its normalisation and activation."""

    def __init__(self, inputs, outputs, kernel, stride=1):
        super().__init__()
        self.depthwise_conv = ConvModule(inputs, inputs, kernel, stride, groups=inputs)
        self.pointwise_conv = ConvModule(inputs, outputs, 1)

    def forward(self, x):
        return self.pointwise_conv(self.depthwise_conv(x))


def conv_class(use_depthwise):
    return DepthwiseSeparableConvModule if use_depthwise else ConvModule


def set_norms(module, eps, momentum):
    """Gives all batch normalisations inside of `module` these constants."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.eps, norm.momentum = eps, momentum
    return module


class CSPNeXtBlock(nn.Module):
    """3x3 convolution, then a 5x5 depthwise separable one, with a residual connection."""

    def __init__(self, channels, add_identity=True, use_depthwise=False):
        super().__init__()
        self.conv1 = conv_class(use_depthwise)(channels, channels, 3)
        self.conv2 = DepthwiseSeparableConvModule(channels, channels, 5)
        self.add_identity = add_identity

    def forward(self, x):
        out = self.conv2(self.conv1(x))
        return out + x if self.add_identity else out


class ChannelAttention(nn.Module):
    """One gate per channel from its mean over the picture."""

    def __init__(self, channels):
        super().__init__()
        self.global_avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Conv2d(channels, channels, 1)
        self.act = nn.Hardsigmoid(inplace=True)

    def forward(self, x):
        return x * self.act(self.fc(self.global_avgpool(x)))


class DarknetBlock(nn.Module):
    """A pointwise and a 3x3 convolution with a residual connection: the block of YOLOX."""

    def __init__(self, channels, add_identity=True, use_depthwise=False):
        super().__init__()
        self.conv1 = ConvModule(channels, channels, 1)
        self.conv2 = conv_class(use_depthwise)(channels, channels, 3)
        self.add_identity = add_identity

    def forward(self, x):
        out = self.conv2(self.conv1(x))
        return out + x if self.add_identity else out


class CSPLayer(nn.Module):
    """Cross-stage partial layer: half the channels through the blocks, half past them."""

    def __init__(self, inputs, outputs, blocks=1, add_identity=True, use_depthwise=False,
                 attention=False, block=CSPNeXtBlock):
        super().__init__()
        middle = outputs // 2
        self.main_conv = ConvModule(inputs, middle, 1)
        self.short_conv = ConvModule(inputs, middle, 1)
        self.final_conv = ConvModule(2 * middle, outputs, 1)
        self.blocks = nn.Sequential(*[block(middle, add_identity, use_depthwise)
                                      for _ in range(blocks)])
        if attention:
            self.attention = ChannelAttention(2 * middle)

    def forward(self, x):
        x = torch.cat((self.blocks(self.main_conv(x)), self.short_conv(x)), dim=1)
        if hasattr(self, "attention"):
            x = self.attention(x)
        return self.final_conv(x)


class SPPBottleneck(nn.Module):
    """Spatial pyramid pooling with windows of 5, 9 and 13."""

    def __init__(self, inputs, outputs, kernels=(5, 9, 13)):
        super().__init__()
        middle = inputs // 2
        self.conv1 = ConvModule(inputs, middle, 1)
        self.poolings = nn.ModuleList([nn.MaxPool2d(k, 1, k // 2) for k in kernels])
        self.conv2 = ConvModule(middle * (len(kernels) + 1), outputs, 1)

    def forward(self, x):
        x = self.conv1(x)
        return self.conv2(torch.cat([x] + [pooling(x) for pooling in self.poolings], dim=1))
