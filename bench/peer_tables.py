"""What bench/peers measured, as tables and a picture in the documents."""
import re

import floors
import report

_RATIO_TITLES = {"float": "× ONNX Runtime, both float", "int8": "INT8 × its float",
                 "int8_both": "INT8 × its INT8"}


def _mark(row, ratio):
    """Its floor was missed; it swung while it was measured."""
    return (" !" if floors.is_missed(row, ratio) else "") + " ~" * row["noisy"]


def _ratio(row, ratio, points=False):
    value = row["ratios"].get(ratio)
    if not value:
        return "–"
    quarter = f" ({value['low']:.2f}–{value['high']:.2f})" if points else ""
    return f"{value['median']:.2f}{quarter}{_mark(row, ratio)}"


def _milliseconds(row, kind, parts=("median", "p10", "min")):
    times = row["times"].get(kind)
    return " / ".join(f"{times[part]:.2f}" for part in parts) if times else "–"


def _shown(rows):
    """The ratios that any row has."""
    return [ratio for ratio in floors.RATIOS if any(ratio in row["ratios"] for row in rows)]


def short(result):
    rows = [row for row in result["rows"] if row["batch"] == 1]
    ratios = _shown(rows)
    yield "| model | threads | stance | ONNX Runtime | " + \
        " | ".join(_RATIO_TITLES[ratio] for ratio in ratios) + " |"
    yield "|---" * (4 + len(ratios)) + "|"
    for threads in sorted({row["threads"] for row in rows}):
        for row in (row for row in rows if row["threads"] == threads):
            numbers = [_milliseconds(row, kind, ["median"]) for kind in ("stance", "onnxruntime")]
            yield f"| {row['model']} | {threads} | " + " | ".join(
                numbers + [_ratio(row, ratio) for ratio in ratios]) + " |"


def _limits(result):
    for threads, limits in result["machine"].items():
        yield (f"{threads} thread{'s' if threads != '1' else ''}: {limits['float_gflops']:.0f} "
               f"GFLOP/s, {limits['byte_gops']:.0f} GOP/s of bytes, {limits['memory_gb_s']:.0f} GB/s "
               f"of memory copied, {limits['cache_gb_s']:.0f} GB/s in the cache")


def _rows(result):
    rows = result["rows"]
    ratios, others = _shown(rows), sorted({kind for row in rows for kind in row["others"]})
    int8 = [kind for kind in ("stance-int8", "onnxruntime-int8")
            if any(kind in row["times"] for row in rows)]
    titles = ["model", "multiply-adds", "threads", "batch", "stance median / p10 / min",
              f"ONNX Runtime {result['libraries']['onnxruntime']} median / p10 / min"]
    titles += [f"{kind.replace('onnxruntime', 'ONNX Runtime').replace('-int8', ' INT8')} median"
               for kind in int8]
    titles += [_RATIO_TITLES[ratio] for ratio in ratios]
    titles += [f"× {kind} {result['libraries'][kind]}" for kind in others] + ["GFLOP/s", "of the peak"]
    yield "| " + " | ".join(titles) + " |"
    yield "|---" * len(titles) + "|"
    for row in rows:
        cells = [row["model"], f"{row['gmac']:.3f} G", str(row["threads"]), str(row["batch"]),
                 _milliseconds(row, "stance"), _milliseconds(row, "onnxruntime")]
        cells += [_milliseconds(row, kind, ["median"]) for kind in int8]
        cells += [_ratio(row, ratio, points=True) for ratio in ratios]
        cells += [f"{row['others'][kind]:.1f}" if kind in row["others"] else "–" for kind in others]
        cells += [f"{row['gflops']:.0f}", f"{100 * row['share_of_peak']:.0f} %"]
        yield "| " + " | ".join(cells) + " |"


def _gains(rows):
    gains = list(floors.gains(rows))
    if gains:
        yield from ("", "Two threads, batch 1: one thread's time over theirs, and that of the "
                    "machine's arithmetic.", "",
                    "| model | stance | machine | share |", "|---|---|---|---|")
    for model, machine, ours, share, missed in gains:
        yield f"| {model} | {ours:.2f} | {machine:.2f} | {100 * share:.0f} %{' !' * missed} |"


def _batches(rows):
    batches = list(floors.batches(rows))
    if batches:
        yield from ("", "Eight images at once, in times of one.", "",
                    "| model | threads | eight cost |", "|---|---|---|")
    for model, threads, cost, missed in batches:
        yield f"| {model} | {threads} | {cost:.2f}{' !' * missed} |"


def _processes(rows):
    probed = [row for row in rows if all(row.get("processes", {}).get(kind)
                                         for kind in ("stance", "onnxruntime"))]
    if probed:
        yield from ("", "A process for each, one thread: from nothing to the first result, and by how "
                    "much the resident memory grew at most, the library included.", "",
                    "| model | stance | ONNX Runtime |", "|---|---|---|")
    for row in probed:
        cells = [f"{one['load_ms']:.0f} ms, {one['memory_mib']:.0f} MiB"
                 for one in (row["processes"]["stance"], row["processes"]["onnxruntime"])]
        yield f"| {row['model']} | {' | '.join(cells)} |"


def full(result):
    rows = result["rows"]
    device = re.sub(", [0-9]+ threads?", "", rows[0]["device"])
    noisy = " The machine's peak wavered meanwhile." if result["noisy"] else ""
    yield (f"{result['processor']}, {result['cores']} cores, {result['system']}; {device}; "
           f"{result['date']}. {'; '.join(_limits(result))}. Milliseconds; ratios with their quarter "
           "points, `!` where they are below what is wanted, `~` where they swung. Load of the machine "
           f"while measuring: {min(row['load'] for row in rows):.1f} to "
           f"{max(row['load'] for row in rows):.1f}.{noisy}")
    yield ""
    yield "![Ratios to ONNX Runtime, one thread, one image](peers.svg)"
    yield ""
    yield from _rows(result)
    yield from _gains(rows)
    yield from _batches(rows)
    yield from _processes(rows)


def picture(result):
    """The ratios of one thread and batch 1 as bars."""
    rows = [row for row in result["rows"] if row["threads"] == 1 and row["batch"] == 1]
    series = [ratio for ratio in _shown(rows) if ratio != "int8_both"]
    names = {"float": "stance, float", "int8": "stance, INT8"}
    groups = [(row["model"], [row["ratios"].get(ratio) for ratio in series]) for row in rows]
    return report.bars("Times as fast as ONNX Runtime in float, one thread, one image",
                       [names[ratio] for ratio in series], groups)


def pages(result):
    yield report.Page("README.md", "bench", list(short(result)))
    yield report.Page("docs/performance.md", "bench", list(full(result)))
    yield report.Page("docs/peers.svg", None, [picture(result)])
