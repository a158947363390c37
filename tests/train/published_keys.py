"""The keys and shapes of official checkpoints, as the published modules create them.

Written down from the sources, apart from our networks, so that a wrong name or shape in either is
seen: MMPose 1.3 (CSPDarknet, MobileNetV2, HybridEncoder, RTMCCHead, RTMOHead, HeatmapHead) and
MMDetection 3 (CSPNeXt, CSPNeXtPAFPN, RTMDetSepBNHead). Only the rules are here, no code of theirs.
"""


def norm(name, channels):
    return {f"{name}.weight": (channels,), f"{name}.bias": (channels,),
            f"{name}.running_mean": (channels,), f"{name}.running_var": (channels,),
            f"{name}.num_batches_tracked": ()}


def conv(name, inputs, outputs, kernel, groups=1):
    """ConvModule: a convolution without a bias and its normalisation."""
    return {f"{name}.conv.weight": (outputs, inputs // groups, kernel, kernel),
            **norm(f"{name}.bn", outputs)}


def separable(name, inputs, outputs, kernel):
    return {**conv(f"{name}.depthwise_conv", inputs, inputs, kernel, inputs),
            **conv(f"{name}.pointwise_conv", inputs, outputs, 1)}


def plain(name, inputs, outputs, kernel=1):
    """A convolution with a bias."""
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}


def linear(name, inputs, outputs, bias=True):
    return {f"{name}.weight": (outputs, inputs), **({f"{name}.bias": (outputs,)} if bias else {})}


def either(depthwise):
    return separable if depthwise else conv


def csp_layer(name, inputs, outputs, blocks, depthwise=False, attention=False, darknet=False):
    half = outputs // 2
    keys = {**conv(f"{name}.main_conv", inputs, half, 1),
            **conv(f"{name}.short_conv", inputs, half, 1),
            **conv(f"{name}.final_conv", outputs, outputs, 1)}
    for i in range(blocks):
        at = f"{name}.blocks.{i}"
        if darknet:
            keys.update(conv(f"{at}.conv1", half, half, 1))
            keys.update(conv(f"{at}.conv2", half, half, 3))
        else:
            keys.update(either(depthwise)(f"{at}.conv1", half, half, 3))
            keys.update(separable(f"{at}.conv2", half, half, 5))
    return {**keys, **(plain(f"{name}.attention.fc", outputs, outputs) if attention else {})}


def stages(width, depth, counts, depthwise, darknet):
    keys, channels = {}, [int(c * width) for c in (64, 128, 256, 512, 1024)]
    for i, (inputs, outputs) in enumerate(zip(channels, channels[1:])):
        at = f"backbone.stage{i + 1}"
        keys.update(either(depthwise)(f"{at}.0", inputs, outputs, 3))
        if i == 3:
            keys.update(conv(f"{at}.1.conv1", outputs, outputs // 2, 1))
            keys.update(conv(f"{at}.1.conv2", outputs // 2 * 4, outputs, 1))
        keys.update(csp_layer(f"{at}.{2 if i == 3 else 1}", outputs, outputs,
                              max(round(counts[i] * depth), 1), depthwise, not darknet, darknet))
    return keys


def cspnext(width, depth, depthwise=False):
    first, half = int(64 * width), int(64 * width // 2)
    return {**conv("backbone.stem.0", 3, half, 3), **conv("backbone.stem.1", half, half, 3),
            **conv("backbone.stem.2", half, first, 3),
            **stages(width, depth, (3, 6, 6, 3), depthwise, False)}


def gau(name, dims, expansion=2, s=128):
    return {f"{name}.gamma": (2, s), f"{name}.beta": (2, s), f"{name}.ln.g": (1,),
            f"{name}.res_scale.scale": (dims,),
            **linear(f"{name}.uv", dims, 2 * expansion * dims + s, False),
            **linear(f"{name}.o", expansion * dims, dims, False)}


def rtmpose(width, depth, keypoints, size):
    cells = size[0] // 32 * (size[1] // 32)
    return {**cspnext(width, depth),
            **plain("head.final_layer", int(1024 * width), keypoints, 7),
            "head.mlp.0.g": (1,), **linear("head.mlp.1", cells, 256, False),
            **gau("head.gau", 256), **linear("head.cls_x", 256, 2 * size[0], False),
            **linear("head.cls_y", 256, 2 * size[1], False)}


def rtmdet(width, depth, blocks, channels, classes=1, depthwise=False):
    keys = cspnext(width, depth, depthwise)
    fine, middle, coarse = levels = [int(c * width) for c in (256, 512, 1024)]
    for i, (inputs, outputs) in enumerate(((coarse, middle), (middle, fine))):
        keys.update(conv(f"neck.reduce_layers.{i}", inputs, outputs, 1))
        keys.update(csp_layer(f"neck.top_down_blocks.{i}", 2 * outputs, outputs, blocks,
                              depthwise))
    for i, (inputs, outputs) in enumerate(((fine, middle), (middle, coarse))):
        keys.update(either(depthwise)(f"neck.downsamples.{i}", inputs, inputs, 3))
        keys.update(csp_layer(f"neck.bottom_up_blocks.{i}", 2 * inputs, outputs, blocks,
                              depthwise))
    for i, inputs in enumerate(levels):
        keys.update(either(depthwise)(f"neck.out_convs.{i}", inputs, channels, 3))
        for tower in ("cls_convs", "reg_convs"):
            for k in range(2):
                keys.update(either(depthwise)(f"bbox_head.{tower}.{i}.{k}", channels, channels,
                                              3))
        keys.update(plain(f"bbox_head.rtm_cls.{i}", channels, classes))
        keys.update(plain(f"bbox_head.rtm_reg.{i}", channels, 4))
    return keys


def rep_layer(name, width, blocks):
    hidden = int(256 * width)
    keys = {**conv(f"{name}.conv1", 512, hidden, 1), **conv(f"{name}.conv2", 512, hidden, 1)}
    if hidden != 256:
        keys.update(conv(f"{name}.conv3", hidden, 256, 1))
    for i in range(blocks):
        keys.update(conv(f"{name}.bottlenecks.{i}.branch_3x3", hidden, hidden, 3))
        keys.update(conv(f"{name}.bottlenecks.{i}.branch_1x1", hidden, hidden, 1))
    return keys


def hybrid_encoder(width, depth, outputs):
    layer, keys = "neck.encoder.0.layers.0", {"neck.sincos_pos_enc.dim_t": (64,)}
    for i, c in enumerate((256, 512, 1024)):
        keys.update(conv(f"neck.input_proj.{i}", int(c * width), 256, 1))
    keys.update({f"{layer}.self_attn.attn.in_proj_weight": (768, 256),
                 f"{layer}.self_attn.attn.in_proj_bias": (768,)})
    keys.update(linear(f"{layer}.self_attn.attn.out_proj", 256, 256))
    keys.update(linear(f"{layer}.ffn.layers.0.0", 256, 1024))
    keys.update(linear(f"{layer}.ffn.layers.1", 1024, 256))
    for i in range(2):
        keys.update({f"{layer}.norms.{i}.weight": (256,), f"{layer}.norms.{i}.bias": (256,)})
        keys.update(conv(f"neck.lateral_convs.{i}", 256, 256, 1))
        keys.update(conv(f"neck.downsample_convs.{i}", 256, 256, 3))
        keys.update(rep_layer(f"neck.fpn_blocks.{i}", width, round(3 * depth)))
        keys.update(rep_layer(f"neck.pan_blocks.{i}", width, round(3 * depth)))
        keys.update(conv(f"neck.projector.convs.{i}", 256, outputs, 1))
    return keys


def rtmo(width, depth, vector, keypoints=17):
    inputs, pose, at = int(256 * width), 8 * int(36 * width), "head.head_module"
    keys = {**conv("backbone.stem.conv", 12, int(64 * width), 3),
            **stages(width, depth, (3, 9, 9, 3), False, True),
            **hybrid_encoder(width, depth, vector)}
    for i in range(2):
        for k in range(2):
            keys.update(conv(f"{at}.conv_cls.{i}.{k}", inputs, inputs, 3))
        keys.update(conv(f"{at}.conv_pose.{i}.0", inputs, pose, 3))
        for k in range(1, 4):
            keys.update(conv(f"{at}.conv_pose.{i}.{k}", pose, pose, 3, 8))
        for name, source, outputs in (("cls", inputs, 1), ("bbox", pose, 4),
                                      ("kpt_reg", pose, 2 * keypoints),
                                      ("kpt_vis", pose, keypoints), ("pose", pose, vector)):
            keys.update(plain(f"{at}.out_{name}.{i}", source, outputs))
    return {**keys, "head.dcc.pos_enc": (keypoints, 128), "head.dcc.spe.dim_t": (64,),
            "head.dcc.x_bins": (192,), "head.dcc.y_bins": (256,), **gau("head.dcc.gau", 128),
            **linear("head.dcc.pose_to_kpts.0", vector, 128 * keypoints),
            **norm("head.dcc.pose_to_kpts.1", 128 * keypoints),
            **linear("head.dcc.x_fc", 128, 128), **linear("head.dcc.y_fc", 128, 128),
            **linear("head.dcc.sigma_fc.0", vector, keypoints),
            "head.dcc.sigma_fc.2.scale": (), "head.loss_oks.sigmas": (keypoints,)}


def mobilenetv2(keypoints=17):
    keys, channels = conv("backbone.conv1", 3, 32, 3), 32
    settings = [(1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3),
                (6, 320, 1)]
    for i, (expansion, outputs, blocks) in enumerate(settings):
        for k in range(blocks):
            at, hidden, n = f"backbone.layer{i + 1}.{k}.conv", channels * expansion, 0
            if expansion != 1:
                keys.update(conv(f"{at}.{n}", channels, hidden, 1))
                n += 1
            keys.update(conv(f"{at}.{n}", hidden, hidden, 3, hidden))
            keys.update(conv(f"{at}.{n + 1}", hidden, outputs, 1))
            channels = outputs
    keys.update(conv("backbone.conv2", channels, 1280, 1))
    for i, inputs in ((0, 1280), (3, 256), (6, 256)):
        keys[f"head.deconv_layers.{i}.weight"] = (inputs, 256, 4, 4)
        keys.update(norm(f"head.deconv_layers.{i + 1}", 256))
    return {**keys, **plain("head.final_layer", 256, keypoints)}
