#!/usr/bin/env python3
"""Writes the table of docs/models.md: every card that comes with stance, and what was measured of networks
of the same structure (bench/results).

usage: bench/model_table.py"""
import json
import pathlib
import re
import sys

import report

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Cards whose networks have the structure of one that bench/peers measures.
STRUCTURES = [
    (r"(rtmpose-[tsml])(-aic-coco|-humanart)?", r"\1"),
    (r"rtmpose-m-wholebody|dwpose-m", "rtmpose-m-wb133"),
    (r"rtmdet-nano(-hand)?", "rtmdet-nano"),
    (r"rtmdet-m", "rtmdet-m-640"),
    (r"yolox-nano", "yolox-nano"),
    (r"(rtmo-[sm])(-coco)?", r"\1"),
    (r"mobilenetv2", "mobilenetv2-heatmap"),
]
TASKS = {"coco17": "body", "crowdpose14": "body, crowds", "halpe26": "body and feet",
         "wholebody133": "whole body", "hand21": "hand", "face106": "face", "ap10k17": "animals"}


def measured():
    """Of each network the medians of one thread and one picture: milliseconds in float and INT8."""
    found = {}
    for file in sorted((ROOT / "bench/results").glob("peers-*.json")):
        for row in json.loads(file.read_text())["rows"]:
            if row["threads"] == 1 and row["batch"] == 1:
                found[row["model"]] = [row["times"].get(kind, {}).get("median")
                                       for kind in ("stance", "stance-int8")]
    return found


def time_of(name, times):
    for pattern, structure in STRUCTURES:
        match = re.fullmatch(pattern, name)
        if match:
            both = times.get(match.expand(structure), [None, None])
            return " / ".join(f"{ms:.1f}" for ms in both if ms) or "–"
    return "–"


def metric_of(card):
    metric = next(iter(card.get("metrics", [])), None)
    if not metric or metric.get("value") is None:
        return "–"
    return f"{metric['value']:.3f}, {metric['name']}"


def line_of(card, times):
    size = card.get("input", {})
    licence = "Apache-2.0, see its notice" if "not settled" in card["licence"] else card["licence"]
    published = "ONNX" if card.get("file") else "checkpoint"
    return (f"| `{card['name']}` | {TASKS.get(card.get('keypoint_set'), 'boxes')} | "
            f"{size.get('width')}×{size.get('height')} | {card.get('keypoint_set', '–')} | "
            f"{metric_of(card)} | {time_of(card['name'], times)} | {published} | {licence} |")


def lines():
    times = measured()
    cards = [json.loads(file.read_text()) for file in sorted((ROOT / "models").glob("*.json"))]
    return ["| name | for | width × height | keypoints | published | ms here, float / INT8 | as | licence |",
            "|---|---|---|---|---|---|---|---|", *(line_of(card, times) for card in cards)]


def pages():
    yield report.Page("docs/models.md", "models", lines())


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(__doc__)
    report.write_pages(ROOT, pages())
