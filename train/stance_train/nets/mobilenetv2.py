"""Heatmap pose networks: MobileNetV2 (arXiv 1801.04381) or CSPNeXt under the deconvolutions of
Simple Baselines (arXiv 1804.06208). Attribute names are those of MMPose's modules."""

from torch import nn

from .cspnext import SIZES, CSPNeXt
from .layers import ConvModule

# Expansion, channels, blocks, stride of the first: the layers of MobileNetV2 at width 1.
LAYERS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
          (6, 320, 1, 1)]


class InvertedResidual(nn.Module):
    """Widened by a pointwise, filtered by a depthwise, narrowed by a linear convolution."""

    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        layers = [ConvModule(inputs, hidden, 1, act=nn.ReLU6)] if expansion != 1 else []
        layers += [ConvModule(hidden, hidden, 3, stride, hidden, act=nn.ReLU6),
                   ConvModule(hidden, outputs, 1, act=None)]
        self.conv = nn.Sequential(*layers)
        self.add_identity = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.add_identity else self.conv(x)


class MobileNetV2(nn.Module):
    """Feature maps [N,1280,h,w] at stride 32."""

    def __init__(self):
        super().__init__()
        self.conv1 = ConvModule(3, 32, 3, 2, act=nn.ReLU6)
        channels = 32
        for i, (expansion, outputs, blocks, stride) in enumerate(LAYERS):
            layer = []
            for k in range(blocks):
                layer.append(InvertedResidual(channels, outputs, stride if k == 0 else 1,
                                              expansion))
                channels = outputs
            self.add_module(f"layer{i + 1}", nn.Sequential(*layer))
        self.conv2 = ConvModule(channels, 1280, 1, act=nn.ReLU6)
        self.channels = [1280]

    def forward(self, x):
        x = self.conv1(x)
        for i in range(len(LAYERS)):
            x = getattr(self, f"layer{i + 1}")(x)
        return [self.conv2(x)]


class HeatmapHead(nn.Module):
    """Three deconvolutions of 256 channels, then one map per keypoint."""

    def __init__(self, channels, keypoints, width=256):
        super().__init__()
        layers = []
        for inputs in (channels, width, width):
            layers += [nn.ConvTranspose2d(inputs, width, 4, 2, 1, bias=False),
                       nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        self.deconv_layers = nn.Sequential(*layers)
        self.final_layer = nn.Conv2d(width, keypoints, 1)
        for module in self.modules():   # as Simple Baselines begins
            if isinstance(module, (nn.ConvTranspose2d, nn.Conv2d)):
                nn.init.normal_(module.weight, std=0.001)

    def forward(self, x):
        return self.final_layer(self.deconv_layers(x))


class HeatmapPose(nn.Module):
    """Pictures [N,3,H,W] to heatmaps [N,K,H/4,W/4]. `size` is `mobilenetv2` or one of CSPNeXt's;
    with the latter this is the network of RTMPose's heatmap pretraining."""

    family = "heatmap"

    def __init__(self, size="mobilenetv2", keypoints=17, input_size=(192, 256)):
        super().__init__()
        self.size, self.keypoints, self.input_size = size, keypoints, tuple(input_size)
        self.backbone = MobileNetV2() if size == "mobilenetv2" else CSPNeXt(*SIZES[size])
        self.head = HeatmapHead(self.backbone.channels[-1], keypoints)

    def forward(self, pictures):
        return self.head(self.backbone(pictures)[-1])
