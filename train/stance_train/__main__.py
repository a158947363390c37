"""The command line: python -m stance_train pose|detect|export|..."""

import argparse
import importlib
import os
import sys

from .errors import TrainError, suggest


def _task_class(kind, family):
    tasks = {("pose", "simcc"): "pose_task.PoseTask",
             ("pose", "heatmap"): "heatmap_task.HeatmapTask",
             ("detect", "rtmdet"): "detect_task.DetectTask",
             ("action", "stgcn"): "action_task.ActionTask"}
    if (kind, family) not in tasks:
        raise TrainError(f"model.family {family!r} is not known for {kind}; "
                         f"{suggest(family, [f for k, f in tasks if k == kind])}")
    module, name = tasks[kind, family].split(".")
    return getattr(importlib.import_module("." + module, __package__), name)


def _train(kind, options):
    from . import checkpoint, config as configuration
    from .training import Progress, Training
    config = configuration.load(kind, options.config, options.set)
    for path in options.data:
        config["data"]["train"].append({"path": path})
    for path in options.val:
        config["data"]["val"].append({"path": path})
    if not config["data"]["train"]:
        raise TrainError("no data; give --data PATH (annotations) or a configuration with data.train")
    progress = Progress()
    task = _task_class(kind, config["model"]["family"])(
        config, lambda i, n: progress.show(f"decoding pictures {i}/{n}"))
    training = Training(task, config, options.out)
    if os.path.exists(training.last):
        if not options.resume:
            raise TrainError(f"{training.last} is there already; --resume goes on with it, "
                             f"another --out starts anew")
        training.resume(checkpoint.load(training.last))
    parameters = sum(p.numel() for p in training.model.parameters())
    progress.say(f"{kind} {config['model']['family']}-{config['model']['size']}, "
                 f"{parameters / 1e6:.2f} M parameters; {len(task.data)} samples, "
                 f"{training.epoch_steps} steps an epoch, {training.epochs} epochs; "
                 f"{training.device}, {config['run']['precision']} precision"
                 + (f"; going on at step {training.step}" if training.step else ""))
    return 0 if training.run() else 130


def _export(options):
    from .export import export
    fields = {}
    for item in options.card:
        key, equals, value = item.partition("=")
        if not equals:
            raise TrainError(f"--card {item}: expected field=text")
        fields[key] = value
    card, difference = export(options.checkpoint, options.output, options.half, fields,
                              options.metrics)
    print(f"{options.output}: {card['family']}, {os.path.getsize(options.output) / 1e6:.2f} MB, "
          f"{card['storage']} weights, "
          + (f"stance and PyTorch differ by {difference:.1e}" if difference is not None
             else "not compared with stance: there is no libstance"))
    return 0


def _measure(options):
    import json

    from .measure import measure
    metrics = measure(options.model, options.data, options.split, options.images)
    for metric in metrics:
        print(f"{metric['name']:44} {metric['value']:.3f}  "
              f"[{metric['low']:.3f}, {metric['high']:.3f}]  {metric['note']}")
    if options.output:
        with open(options.output, "w", encoding="utf-8") as file:
            json.dump(metrics, file, indent=1, ensure_ascii=False)
    return 0


def _convert(options):
    from . import convert
    network, difference = convert.convert(options.checkpoint, options.output, options.family,
                                          convert.parse_size(options.input_size))
    parameters = sum(p.numel() for p in network.parameters())
    print(f"{options.output}: {network.family}-{network.size}, {parameters / 1e6:.2f} M "
          f"parameters, "
          + (f"stance and PyTorch differ by {difference:.1e}" if difference is not None
             else "not compared with stance: there is no libstance"))
    return 0


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="stance_train", description="Trains, converts and exports networks for stance. "
        "Each command has its own --help; docs/training.md is the guide.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for kind, text in (("pose", "train a pose network"), ("detect", "train a person detector"),
                       ("action", "train an action recogniser on skeletons")):
        command = commands.add_parser(kind, help=text, description=text)
        command.add_argument("--config", metavar="FILE", help="TOML configuration")
        command.add_argument("--data", metavar="PATH", action="append", default=[],
                             help="annotations to train on (COCO JSON, or JSON lines)"
                             if kind != "action" else "skeletons to train on (JSON lines)")
        command.add_argument("--val", metavar="PATH", action="append", default=[],
                             help="annotations to evaluate on")
        command.add_argument("--out", metavar="DIR", default=f"runs/{kind}",
                             help="folder for checkpoints, history and curves (%(default)s)")
        command.add_argument("--resume", action="store_true", help="go on from DIR/last.pth")
        command.add_argument("--set", metavar="SECTION.KEY=VALUE", action="append", default=[],
                             help="one setting over the configuration's")
    command = commands.add_parser("export", help="write a checkpoint as ONNX with a model card",
                                  description="Writes OUT.onnx and OUT.json (the model card), and "
                                  "checks that stance and PyTorch agree to 1e-4.")
    command.add_argument("checkpoint", metavar="CHECKPOINT", help="DIR/last.pth of a training")
    command.add_argument("-o", "--output", metavar="OUT.onnx", required=True)
    command.add_argument("--half", action="store_true", help="store weights as float16")
    command.add_argument("--card", metavar="FIELD=TEXT", action="append", default=[],
                         help="a field of the card: title, licence, training_data, notice")
    command.add_argument("--metrics", metavar="FILE", help="metrics for the card, as "
                         "stance_train measure wrote them")
    command = commands.add_parser("measure", help="measure an ONNX model, with intervals",
                                  description="Measures a model through the stance program: PCK of "
                                  "the torso on JSON lines, AP on COCO JSON.")
    command.add_argument("model", metavar="MODEL.onnx")
    command.add_argument("--data", metavar="PATH", action="append", required=True)
    command.add_argument("--split", default="val", help="of JSON lines (%(default)s)")
    command.add_argument("--images", metavar="DIR", help="of COCO JSON (default: beside it)")
    command.add_argument("-o", "--output", metavar="FILE", help="write the list for a model card")
    command = commands.add_parser(
        "convert", help="turn an official checkpoint into ONNX",
        description="Reads a .pth of MMPose, MMDetection or PYSKL (RTMPose, RTMDet, RTMO, "
        "SimpleBaseline-MobileNetV2, ST-GCN++) without running what is in it, and writes "
        "OUT.onnx. Every key that does not fit is named.")
    command.add_argument("checkpoint", metavar="CHECKPOINT.pth")
    command.add_argument("-o", "--output", metavar="OUT.onnx", required=True)
    command.add_argument("--family", help="simcc, rtmdet, rtmo, heatmap or stgcn (default: as the "
                         "keys say)")
    command.add_argument("--input-size", metavar="WxH", help="where the weights leave it open: "
                         "detectors, RTMO and heatmaps (default: the published one)")
    options = parser.parse_args(arguments)
    try:
        run = {"export": _export, "measure": _measure,
               "convert": _convert}.get(options.command)
        return run(options) if run else _train(options.command, options)
    except TrainError as error:
        print(f"stance_train: {error}", file=sys.stderr)
        return 1
    except OSError as error:   # a folder that cannot be written, a full disk
        print(f"stance_train: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stance_train: stopped at once; the last checkpoint is kept", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
