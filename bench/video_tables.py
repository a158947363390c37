"""What bench/video measured, as a table in the documents."""
import report

STAGES = ("read", "detect", "pose", "track")
WANTED = {"float": 1.8, "int8": 3.0}  # the least ratio


def missed(row):
    return "" if row["ratio"]["median"] >= WANTED[row["precision"]] else " !"


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
           "rtmlib | ratio | keypoints apart | people a frame: stance / rtmlib (frames with as many) | "
           "stance: read / detect / pose / track, ms a frame | rtmlib: the same |")
    yield "|---" * 11 + "|"
    for row in rows:
        fps = [f"{row[side]['fps']['median']:.1f} ({row[side]['fps']['low']:.1f}–"
               f"{row[side]['fps']['high']:.1f})" for side in ("stance", "rtmlib")]
        name = row["pose"] + ("" if row["tracking"] else ", without tracking")
        yield (f"| {row['video']} | {name} | {row['precision']} | {row['detect_every']} | {fps[0]} | "
               f"{fps[1]} | "
               f"{row['ratio']['median']:.2f} ({row['ratio']['low']:.2f}–"
               f"{row['ratio']['high']:.2f}){missed(row)} | {apart_text(row)} | "
               f"{row['stance']['people']:.2f} / "
               f"{row['rtmlib']['people']:.2f} ({100 * row['same_people']:.0f} %) | "
               f"{stage_text(row['stance'])} | {stage_text(row['rtmlib'])} |")


def pages(result):
    yield report.Page("docs/performance.md", "video", list(table(result)))
