"""RTMO, people and poses in one stage (arXiv 2312.07526): CSPDarknet, the hybrid encoder of RT-DETR
and a head whose dynamic coordinate classifier reads each pose in its person's own box.

Attribute names are those of the published modules (MMPose's CSPDarknet, HybridEncoder, RTMOHead),
so that an official checkpoint's keys are ours. This is the network that predicts; the layers that
only its training reads are kept for their keys.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .layers import ConvModule, CSPLayer, DarknetBlock, SPPBottleneck, set_norms
from .simcc import GatedAttentionUnit

STRIDES = (16, 32)
PADDING = 1.25            # of a person's box before its coordinates are classified
DIMS = 256                # of the encoder
YOLOX_NORM = (1e-3, 0.03)  # epsilon and momentum in the backbone and the head

# Name: (depth, width, channels of the projected features, the usual input size). Published
# configurations: MMPose's configs/body_2d_keypoint/rtmo.
MODELS = {
    "t": (0.33, 0.375, 192, 416),
    "s": (0.33, 0.5, 256, 640),
    "m": (0.67, 0.75, 384, 640),
    "l": (1.0, 1.0, 512, 640),
}

# Channels in and out, blocks, residual connections, spatial pyramid: CSPDarknet at width 1.
STAGES = [(64, 128, 3, True, False), (128, 256, 9, True, False), (256, 512, 9, True, False),
          (512, 1024, 3, False, True)]


class Focus(nn.Module):
    """Every second pixel becomes a channel, then a convolution."""

    def __init__(self, outputs):
        super().__init__()
        self.conv = ConvModule(12, outputs, 3)

    def forward(self, x):
        left, right = x[..., ::2], x[..., 1::2]
        return self.conv(torch.cat([left[..., ::2, :], left[..., 1::2, :], right[..., ::2, :],
                                    right[..., 1::2, :]], 1))


class CSPDarknet(nn.Module):
    """YOLOX's backbone: feature maps at strides 8, 16 and 32."""

    def __init__(self, depth, width):
        super().__init__()
        self.stem = Focus(int(STAGES[0][0] * width))
        for i, (inputs, outputs, blocks, add_identity, pyramid) in enumerate(STAGES):
            inputs, outputs = int(inputs * width), int(outputs * width)
            stage = [ConvModule(inputs, outputs, 3, 2)]
            if pyramid:
                stage.append(SPPBottleneck(outputs, outputs))
            stage.append(CSPLayer(outputs, outputs, max(round(blocks * depth), 1), add_identity,
                                  block=DarknetBlock))
            self.add_module(f"stage{i + 1}", nn.Sequential(*stage))
        self.channels = [int(stage[1] * width) for stage in STAGES[1:]]

    def forward(self, x):
        outputs = []
        x = self.stage1(self.stem(x))
        for stage in (self.stage2, self.stage3, self.stage4):
            x = stage(x)
            outputs.append(x)
        return outputs


class SinePositions(nn.Module):
    """Cosines and sines of positions over `temperature` ** (0 … 1)."""

    def __init__(self, dims, temperature):
        super().__init__()
        self.register_buffer("dim_t", temperature ** (torch.arange(dims // 2) / (dims // 2)))

    def forward(self, positions):
        angles = positions.unsqueeze(-1) / self.dim_t
        return torch.cat([angles.cos(), angles.sin()], -1)

    def grid(self, height, width):
        """[1, height x width, 2 dims]: the codes of a cell's row, then those of its column."""
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        places = torch.stack([self(y.flatten().float()), self(x.flatten().float())], -1)
        return places.transpose(-1, -2).reshape(1, height * width, -1)


class Attention(nn.Module):
    """Multi-head self-attention with a residual connection; positions go to query and key only."""

    class _Projections(nn.Module):
        def __init__(self, dims):
            super().__init__()
            self.in_proj_weight = nn.Parameter(torch.empty(3 * dims, dims))
            self.in_proj_bias = nn.Parameter(torch.zeros(3 * dims))
            self.out_proj = nn.Linear(dims, dims)
            nn.init.xavier_uniform_(self.in_proj_weight)

    def __init__(self, dims, heads=8):
        super().__init__()
        self.heads = heads
        self.attn = self._Projections(dims)

    def _split(self, x):
        n, places, dims = (int(v) for v in x.shape)
        return x.reshape(n, places, self.heads, dims // self.heads).transpose(1, 2)

    def forward(self, x, places):
        weights = self.attn.in_proj_weight.chunk(3)
        biases = self.attn.in_proj_bias.chunk(3)
        query, key, value = (self._split(F.linear(source, weight, bias)) for source, weight, bias
                             in zip((x + places, x + places, x), weights, biases))
        scores = query @ key.transpose(-1, -2) / math.sqrt(x.shape[-1] // self.heads)
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        return x + self.attn.out_proj(mixed)


class FeedForward(nn.Module):
    """Two linear layers with a GELU between them and a residual connection."""

    def __init__(self, dims, hidden):
        super().__init__()
        self.layers = nn.Sequential(nn.Sequential(nn.Linear(dims, hidden), nn.GELU()),
                                    nn.Linear(hidden, dims))

    def forward(self, x):
        return x + self.layers(x)


class EncoderLayer(nn.Module):
    def __init__(self, dims):
        super().__init__()
        self.self_attn = Attention(dims)
        self.ffn = FeedForward(dims, 4 * dims)
        self.norms = nn.ModuleList([nn.LayerNorm(dims), nn.LayerNorm(dims)])

    def forward(self, x, places):
        return self.norms[1](self.ffn(self.norms[0](self.self_attn(x, places))))


class Encoder(nn.Module):
    def __init__(self, dims):
        super().__init__()
        self.layers = nn.ModuleList([EncoderLayer(dims)])

    def forward(self, x, places):
        return self.layers[0](x, places)


class RepVGGBlock(nn.Module):
    """The sum of a 3x3 and a 1x1 convolution."""

    def __init__(self, channels):
        super().__init__()
        self.branch_3x3 = ConvModule(channels, channels, 3, act=None)
        self.branch_1x1 = ConvModule(channels, channels, 1, act=None)

    def forward(self, x):
        return F.silu(self.branch_3x3(x) + self.branch_1x1(x))


class CSPRepLayer(nn.Module):
    """Half of the paths through RepVGG blocks, the other past them, and their sum."""

    def __init__(self, inputs, outputs, blocks, width):
        super().__init__()
        hidden = int(outputs * width)
        self.conv1 = ConvModule(inputs, hidden, 1)
        self.conv2 = ConvModule(inputs, hidden, 1)
        self.bottlenecks = nn.Sequential(*[RepVGGBlock(hidden) for _ in range(blocks)])
        self.conv3 = ConvModule(hidden, outputs, 1) if hidden != outputs else nn.Identity()

    def forward(self, x):
        return self.conv3(self.bottlenecks(self.conv1(x)) + self.conv2(x))


class ChannelMapper(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.convs = nn.ModuleList([ConvModule(inputs, outputs, 1, act=None) for _ in STRIDES])

    def forward(self, features):
        return [conv(x) for conv, x in zip(self.convs, features)]


class HybridEncoder(nn.Module):
    """Attention on the coarsest level, then a feature pyramid down and up; out come the levels of
    strides 16 and 32."""

    def __init__(self, channels, outputs, depth, width):
        super().__init__()
        levels, blocks = len(channels), round(3 * depth)
        self.input_proj = nn.ModuleList([ConvModule(c, DIMS, 1, act=None) for c in channels])
        self.encoder = nn.ModuleList([Encoder(DIMS)])
        self.sincos_pos_enc = SinePositions(DIMS // 2, 10000)

        def layers():
            return nn.ModuleList([CSPRepLayer(2 * DIMS, DIMS, blocks, width)
                                  for _ in range(levels - 1)])

        self.lateral_convs = nn.ModuleList([ConvModule(DIMS, DIMS, 1) for _ in range(levels - 1)])
        self.fpn_blocks = layers()
        self.downsample_convs = nn.ModuleList([ConvModule(DIMS, DIMS, 3, 2)
                                               for _ in range(levels - 1)])
        self.pan_blocks = layers()
        self.projector = ChannelMapper(DIMS, outputs)

    def forward(self, features):
        features = [project(x) for project, x in zip(self.input_proj, features)]
        n, _, height, width = (int(v) for v in features[-1].shape)
        places = self.sincos_pos_enc.grid(height, width)
        memory = self.encoder[0](features[-1].flatten(2).transpose(1, 2), places)
        inner = [memory.transpose(1, 2).reshape(n, DIMS, height, width)]
        for lateral, block, low in zip(self.lateral_convs, self.fpn_blocks, features[-2::-1]):
            inner[0] = lateral(inner[0])
            up = F.interpolate(inner[0], scale_factor=2.0, mode="nearest")
            inner.insert(0, block(torch.cat([up, low], 1)))
        outputs = [inner[0]]
        for down, block, high in zip(self.downsample_convs, self.pan_blocks, inner[1:]):
            outputs.append(block(torch.cat([down(outputs[-1]), high], 1)))
        return self.projector(outputs[1:])


class HeadModule(nn.Module):
    """Towers for score and pose on each half of the channels, and the output layers of a level."""

    def __init__(self, keypoints, width, pose_channels, groups=8):
        super().__init__()
        inputs, pose = int(DIMS * width), groups * int(36 * width)

        def levels(layer):
            return nn.ModuleList([layer() for _ in STRIDES])

        self.conv_cls = levels(lambda: nn.Sequential(ConvModule(inputs, inputs, 3),
                                                     ConvModule(inputs, inputs, 3)))
        self.out_cls = levels(lambda: nn.Conv2d(inputs, 1, 1))
        self.conv_pose = levels(lambda: nn.Sequential(
            ConvModule(inputs, pose, 3), *[ConvModule(pose, pose, 3, groups=groups)
                                           for _ in range(3)]))
        self.out_bbox = levels(lambda: nn.Conv2d(pose, 4, 1))
        self.out_kpt_reg = levels(lambda: nn.Conv2d(pose, 2 * keypoints, 1))   # training alone
        self.out_kpt_vis = levels(lambda: nn.Conv2d(pose, keypoints, 1))
        self.out_pose = levels(lambda: nn.Conv2d(pose, pose_channels, 1))

    def forward(self, features):
        """All cells' scores [N,C], boxes [N,C,4], visibilities [N,C,K], pose vectors [N,C,P]."""
        found = []
        for i, x in enumerate(features):
            classes, pose = x.chunk(2, 1)
            pose = self.conv_pose[i](pose)
            found.append([self.out_cls[i](self.conv_cls[i](classes))]
                         + [layer[i](pose) for layer in (self.out_bbox, self.out_kpt_vis,
                                                         self.out_pose)])
        score, box, visible, pose = (torch.cat([m.flatten(2).transpose(1, 2) for m in maps], 1)
                                     for maps in zip(*found))
        return score[..., 0].sigmoid(), box, visible.sigmoid(), pose


class DynamicCoordinateClassifier(nn.Module):
    """Keypoints from pose vectors: bins spread over each box, encoded, compared with features."""

    def __init__(self, inputs, keypoints, bins, dims=128):
        super().__init__()
        self.keypoints, self.dims = keypoints, dims
        self.spe = SinePositions(dims, 300)
        self.gau = GatedAttentionUnit(dims)
        self.pos_enc = nn.Parameter(torch.randn(keypoints, self.gau.s))
        self.pose_to_kpts = nn.Sequential(nn.Linear(inputs, dims * keypoints),
                                          nn.BatchNorm1d(dims * keypoints))
        self.x_fc = nn.Linear(dims, dims)
        self.y_fc = nn.Linear(dims, dims)
        self.sigma_fc = nn.Sequential(nn.Linear(inputs, keypoints), nn.Sigmoid(), _Scale(0.1))
        self.register_buffer("x_bins", torch.linspace(-0.5, 0.5, bins[0]))
        self.register_buffer("y_bins", torch.linspace(-0.5, 0.5, bins[1]))

    def forward(self, vectors, boxes, points):
        """Vectors [n,P], boxes [n,4] (corners) and their cells' points [n,2] to [n,K,2]."""
        center = (boxes[:, :2] + boxes[:, 2:]) / 2 - points
        size = (boxes[:, 2:] - boxes[:, :2]) * PADDING
        features = self.pose_to_kpts(vectors).reshape(-1, self.keypoints, self.dims)
        features = self.gau(features, self.pos_enc)
        found = []
        for axis, bins, layer in ((0, self.x_bins, self.x_fc), (1, self.y_bins, self.y_fc)):
            places = bins * size[:, axis:axis + 1] + center[:, axis:axis + 1]
            codes = layer(self.spe(places))
            likely = torch.matmul(features, codes.transpose(1, 2)).softmax(-1)
            found.append((likely * places.unsqueeze(1)).sum(-1) + points[:, axis:axis + 1])
        return torch.stack(found, -1)


class _Scale(nn.Module):
    """One learned factor."""

    def __init__(self, value):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(value))

    def forward(self, x):
        return x * self.scale


class RTMOHead(nn.Module):
    def __init__(self, keypoints, width, pose_channels, bins):
        super().__init__()
        self.head_module = HeadModule(keypoints, width, pose_channels)
        self.dcc = DynamicCoordinateClassifier(pose_channels, keypoints, bins)


class RTMO(nn.Module):
    """Pictures [N,3,H,W] (BGR, 0 to 255) to the `most` likeliest people, best first: boxes as
    corners with a score [N,most,5], and keypoints x, y, visibility [N,most,K,3], all in pixels.
    Boxes that overlap are all there: suppression is left to who reads them."""

    family = "rtmo"

    def __init__(self, size="s", keypoints=17, input_size=None, bins=(192, 256), most=100):
        super().__init__()
        depth, width, channels, usual = MODELS[size]
        self.size, self.keypoints, self.most = size, keypoints, most
        self.input_size = tuple(input_size or (usual, usual))
        self.backbone = set_norms(CSPDarknet(depth, width), *YOLOX_NORM)
        self.neck = HybridEncoder(self.backbone.channels, channels, depth, width)
        self.head = RTMOHead(keypoints, width, channels, bins)
        set_norms(self.head.head_module, *YOLOX_NORM)

    @staticmethod
    def _cells(features):
        """The middle of each cell [C,2], in pixels' centres, and its stride [C,1]."""
        points, strides = [], []
        for x, stride in zip(features, STRIDES):
            rows, columns = int(x.shape[2]), int(x.shape[3])
            y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
            points.append(torch.stack([x, y], -1).reshape(-1, 2) * stride + (stride - 1) / 2)
            strides.append(torch.full((rows * columns, 1), float(stride)))
        return torch.cat(points), torch.cat(strides)

    def forward(self, pictures):
        features = self.neck(self.backbone(pictures))
        points, strides = (v.to(pictures.device) for v in self._cells(features))
        scores, raw, visible, vectors = self.head.head_module(features)
        n, cells = int(scores.shape[0]), int(scores.shape[1])
        center = raw[..., :2] * strides + points
        half = raw[..., 2:].exp() * strides / 2
        boxes = torch.cat([center - half, center + half], -1)
        best, index = scores.topk(min(self.most, cells), 1)
        index = (index + torch.arange(n, device=index.device).unsqueeze(1) * cells).flatten()
        boxes, visible, vectors = (v.flatten(0, 1)[index] for v in (boxes, visible, vectors))
        places = points.repeat(n, 1)[index]
        keypoints = torch.cat([self.head.dcc(vectors, boxes, places), visible.unsqueeze(-1)], -1)
        count = best.shape[1]
        return (torch.cat([boxes.reshape(n, count, 4), best.unsqueeze(-1)], -1),
                keypoints.reshape(n, count, self.keypoints, 3))
