"""What bench/crossover measured, as tables and a picture in the documents."""
import report

DETECTOR, POSES, ONE_STAGE = "rtmdet-nano", ["rtmpose-s", "rtmpose-m"], "rtmo-s"
PEOPLE = range(1, 11)
# MMPose's projects/rtmpose/README.md: ONNX Runtime on an i7-11700, one thread; milliseconds of the pose
# network, and of the pair with RTMDet-nano that detects on every fifth frame.
PUBLISHED = {"rtmpose-t": (3.20, 12.403), "rtmpose-s": (4.48, 16.658), "rtmpose-m": (11.06, 26.613),
             "rtmpose-l": (18.85, 36.311)}


def crossing_text(pair):
    return "at no number measured" if pair["crossing"] is None else f"{pair['crossing']:.1f} people"


def table(result):
    heads = [f"{DETECTOR} + {pose}" for pose in POSES] + [ONE_STAGE]
    yield f"{result['processor']}, {result['threads']} thread; {result['date']}. Milliseconds a frame."
    yield ""
    yield "![Milliseconds a frame for 1 to 10 people](crossover.svg)"
    yield ""
    yield "| people | " + " | ".join(heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    for i, people in enumerate(PEOPLE):
        row = [f"{result['pairs'][pose]['ms'][i]:.1f}" for pose in POSES]
        yield f"| {people} | " + " | ".join([*row, f"{result['one_stage_ms']:.1f}"]) + " |"
    yield ""
    yield "Both take as long at: " + "; ".join(
        f"{pose}, {crossing_text(result['pairs'][pose])}" for pose in POSES) + "."
    yield ""
    yield ("| network | published: alone / every fifth frame with RTMDet-nano | ONNX Runtime here | "
           "stance here |")
    yield "|---|---|---|---|"
    for name, here in result["published"].items():
        cells = [" / ".join(f"{ms:.1f}" for ms in here[key]) if key in here else "–"
                 for key in ("onnxruntime", "stance")]
        there = " / ".join(f"{ms:.1f}" for ms in PUBLISHED[name])
        yield f"| {name} | {there} | {cells[0]} | {cells[1]} |"


def picture(result):
    series = [(f"{DETECTOR} + {pose}", result["pairs"][pose]["ms"]) for pose in POSES]
    series.append((ONE_STAGE, [result["one_stage_ms"]] * len(PEOPLE)))
    marks = [(pair["crossing"], result["one_stage_ms"]) for pair in result["pairs"].values()
             if pair["crossing"]]
    return report.curves("Milliseconds a frame by number of people", list(PEOPLE), series, marks)


def pages(result):
    yield report.Page("docs/performance.md", "crossover", list(table(result)))
    yield report.Page("docs/crossover.svg", None, [picture(result)])
