"""What bench/video measured, as a table in the documents."""
import report

STAGES = ("read", "detect", "pose", "track")
WANTED = {"float": 1.8, "int8": 3.0}  # the least ratio
OVERHEAD = 0.03  # of the Python module, at most


def ratio_text(row, name):
    """With its quarter points, and a mark where it is too low."""
    ratio = row[name]
    least = 1 - OVERHEAD if name == "python_to_stance" else WANTED[row["precision"]]
    mark = "" if ratio["median"] >= least else " !"
    return f"{ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f}){mark}"


def apart_text(row):
    return "–" if row["keypoints_px"] is None else f"{row['keypoints_px']:.2f} px"


def stage_text(side):
    return " / ".join(f"{side['stages_ms'][stage]:.1f}" for stage in STAGES)


def table(result):
    versions, rows = result["rows"][0]["versions"], result["rows"]
    yield (f"{result['processor']}, {result['system']}, {result['cpus']} core, {result['threads']} "
           f"thread; {result['date']}; stance {result['stance']}, rtmlib "
           f"{versions['rtmlib']} with ONNX Runtime {versions['onnxruntime']} and OpenCV "
           f"{versions['opencv']}; medians of "
           f"{result['turns']} turns. Load of the machine while measuring: "
           f"{min(row['load'] for row in rows):.1f} to {max(row['load'] for row in rows):.1f}.")
    yield ""
    yield ("| video | pose network | stance's precision | detector every | stance, frames a second | "
           "through Python | rtmlib | stance × rtmlib | Python × rtmlib | Python × stance | "
           "keypoints apart | people a frame: stance / rtmlib (frames with as many) | "
           "stance: read / detect / pose / track, ms a frame | rtmlib: the same |")
    yield "|---" * 14 + "|"
    for row in rows:
        fps = [f"{row[side]['fps']['median']:.1f} ({row[side]['fps']['low']:.1f}–"
               f"{row[side]['fps']['high']:.1f})" for side in ("stance", "python", "rtmlib")]
        name = row["pose"] + ("" if row["tracking"] else ", without tracking")
        yield (f"| {row['video']} | {name} | {row['precision']} | {row['detect_every']} | "
               f"{' | '.join(fps)} | {ratio_text(row, 'ratio')} | "
               f"{ratio_text(row, 'python_ratio')} | {ratio_text(row, 'python_to_stance')} | "
               f"{apart_text(row)} | "
               f"{row['stance']['people']:.2f} / "
               f"{row['rtmlib']['people']:.2f} ({100 * row['same_people']:.0f} %) | "
               f"{stage_text(row['stance'])} | {stage_text(row['rtmlib'])} |")


def pages(result):
    yield report.Page("docs/performance.md", "video", list(table(result)))
