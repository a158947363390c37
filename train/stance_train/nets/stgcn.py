"""ST-GCN++, actions from skeletons (PYSKL, arXiv 2205.09443; ST-GCN, arXiv 1801.07455). Attribute
names are those of PYSKL's modules, so that its checkpoints' keys are ours."""

import numpy as np
import torch
from torch import nn

# Joints, and bones from the outer joint to the inner one.
LAYOUTS = {
    "coco": (17, [(15, 13), (13, 11), (16, 14), (14, 12), (11, 5), (12, 6), (9, 7), (7, 5),
                  (10, 8), (8, 6), (5, 0), (6, 0), (1, 0), (3, 1), (2, 0), (4, 2)]),
    "hand": (21, [(i, 0 if i % 4 == 1 else i - 1) for i in range(1, 21)]),
    "jhmdb": (15, [(2, 0), (0, 1), (3, 0), (4, 0), (5, 1), (6, 1), (7, 3), (8, 4), (9, 5),
                   (10, 6), (11, 7), (12, 8), (13, 9), (14, 10)]),
}

# Temporal branches: (kernel, dilation), a maximum over three frames, a plain pointwise one.
BRANCHES = [(3, 1), (3, 2), (3, 3), (3, 4), "max", "1x1"]

# Name: (stages, stages that halve the frames and double the channels).
SIZES = {"full": (10, (5, 8)), "small": (6, (6,))}


def graph(layout):
    """[3,V,V]: itself, inwards, outwards; every column sums to one or zero."""
    count, inward = LAYOUTS[layout]
    matrices = np.zeros((3, count, count), np.float32)
    matrices[0] = np.eye(count)
    for outer, inner in inward:
        matrices[1, inner, outer] = 1
        matrices[2, outer, inner] = 1
    sums = matrices.sum(1, keepdims=True)
    return torch.from_numpy(matrices / np.where(sums > 0, sums, 1))


class UnitGCN(nn.Module):
    """Joints mixed along the bones, by learned matrices that begin as the graph's."""

    def __init__(self, inputs, outputs, matrices):
        super().__init__()
        self.bn = nn.BatchNorm2d(outputs)
        self.A = nn.Parameter(matrices.clone())
        self.conv = nn.Conv2d(inputs, outputs * len(matrices), 1)
        self.down = (nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))
                     if inputs != outputs else nn.Identity())

    def forward(self, x):
        split = self.conv(x)
        n, channels, frames, joints = (int(v) for v in split.shape)
        subsets = len(self.A)
        split = split.reshape(n, subsets, channels // subsets, frames, joints)
        mixed = torch.einsum("nkctv,kvw->nctw", split, self.A)
        return torch.relu(self.bn(mixed) + self.down(x))


class UnitTCN(nn.Module):
    """A convolution over the frames."""

    def __init__(self, inputs, outputs, kernel, stride=1, dilation=1, norm=True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (kernel, 1), (stride, 1),
                              ((kernel - 1) * dilation // 2, 0), (dilation, 1))
        self.bn = nn.BatchNorm2d(outputs) if norm else nn.Identity()

    def forward(self, x):
        return self.bn(self.conv(x))


class MultiScaleTCN(nn.Module):
    """Branches of several temporal reaches, side by side."""

    def __init__(self, channels, stride=1):
        super().__init__()
        middle = channels // len(BRANCHES)
        first = channels - middle * (len(BRANCHES) - 1)
        branches = []
        for i, kind in enumerate(BRANCHES):
            width = middle if i else first
            if kind == "1x1":
                branches.append(nn.Conv2d(channels, width, 1, (stride, 1)))
                continue
            tail = (nn.MaxPool2d((3, 1), (stride, 1), (1, 0)) if kind == "max"
                    else UnitTCN(width, width, kind[0], stride, kind[1], norm=False))
            branches.append(nn.Sequential(nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width),
                                          nn.ReLU(), tail))
        self.branches = nn.ModuleList(branches)
        self.transform = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(),
                                       nn.Conv2d(channels, channels, 1))
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        return self.bn(self.transform(torch.cat([branch(x) for branch in self.branches], 1)))


class Block(nn.Module):
    def __init__(self, inputs, outputs, matrices, stride=1, residual=True):
        super().__init__()
        self.gcn = UnitGCN(inputs, outputs, matrices)
        self.tcn = MultiScaleTCN(outputs, stride)
        if residual:
            self.residual = (nn.Identity() if inputs == outputs and stride == 1
                             else UnitTCN(inputs, outputs, 1, stride))

    def forward(self, x):
        out = self.tcn(self.gcn(x))
        return torch.relu(out + self.residual(x) if hasattr(self, "residual") else out)


class Backbone(nn.Module):
    def __init__(self, layout, inputs, size, channels=64):
        super().__init__()
        stages, growing = SIZES[size]
        matrices = graph(layout)
        self.data_bn = nn.BatchNorm1d(inputs * matrices.shape[1])
        self.gcn = nn.ModuleList([Block(inputs, channels, matrices, residual=False)])
        for i in range(2, stages + 1):
            stride = 2 if i in growing else 1
            self.gcn.append(Block(channels, channels * stride, matrices, stride))
            channels *= stride
        self.channels = channels

    def forward(self, x):
        n, m, frames, joints, values = (int(v) for v in x.shape)
        x = x.permute(0, 1, 3, 4, 2).reshape(n * m, joints * values, frames)
        x = self.data_bn(x).reshape(n * m, joints, values, frames).permute(0, 2, 3, 1)
        for block in self.gcn:
            x = block(x)
        return x.mean((2, 3)).reshape(n, m, -1).mean(1)


class Head(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.fc_cls = nn.Linear(channels, classes)
        nn.init.normal_(self.fc_cls.weight, std=0.01)

    def forward(self, x):
        return self.fc_cls(x)


class STGCN(nn.Module):
    """Skeletons [N,M,T,V,C] (people, frames, joints, x y or x y score) to logits [N,classes]."""

    family = "stgcn"

    def __init__(self, size="full", classes=60, layout="coco", values=3, frames=100, people=2):
        super().__init__()
        self.size, self.classes, self.layout = size, classes, layout
        self.input_shape = (people, frames, LAYOUTS[layout][0], values)
        self.backbone = Backbone(layout, values, size)
        self.cls_head = Head(self.backbone.channels, classes)

    def forward(self, skeletons):
        return self.cls_head(self.backbone(skeletons))
