"""CSPNeXt, the backbone of RTMPose and RTMDet (arXiv 2212.07784, section 3.2)."""

from torch import nn

from .layers import ConvModule, CSPLayer, SPPBottleneck, conv_class

# Name: (depth, width). `pico` is ours, for training on a CPU and running on small machines.
SIZES = {
    "pico": (0.167, 0.25),
    "t": (0.167, 0.375),
    "s": (0.33, 0.5),
    "m": (0.67, 0.75),
    "l": (1.0, 1.0),
    "x": (1.33, 1.25),
}

# Channels in and out, blocks, residual connections, spatial pyramid: the stages at width 1.
STAGES = [(64, 128, 3, True, False), (128, 256, 6, True, False), (256, 512, 6, True, False),
          (512, 1024, 3, False, True)]


class CSPNeXt(nn.Module):
    """Feature maps of a picture at strides 4, 8, 16 and 32; `out_indices` says which (1 to 4)."""

    def __init__(self, depth, width, use_depthwise=False, out_indices=(4,)):
        super().__init__()
        first = int(STAGES[0][0] * width)
        half = int(STAGES[0][0] * width // 2)
        self.stem = nn.Sequential(ConvModule(3, half, 3, 2), ConvModule(half, half, 3),
                                  ConvModule(half, first, 3))
        conv = conv_class(use_depthwise)
        self.channels = []
        for i, (inputs, outputs, blocks, add_identity, pyramid) in enumerate(STAGES):
            inputs, outputs = int(inputs * width), int(outputs * width)
            stage = [conv(inputs, outputs, 3, 2)]
            if pyramid:
                stage.append(SPPBottleneck(outputs, outputs))
            stage.append(CSPLayer(outputs, outputs, max(round(blocks * depth), 1), add_identity,
                                  use_depthwise, attention=True))
            self.add_module(f"stage{i + 1}", nn.Sequential(*stage))
            self.channels.append(outputs)
        self.out_indices = out_indices
        self.channels = [self.channels[i - 1] for i in out_indices]

    def forward(self, x):
        outputs = []
        x = self.stem(x)
        for i in range(1, 5):
            x = getattr(self, f"stage{i}")(x)
            if i in self.out_indices:
                outputs.append(x)
        return outputs
