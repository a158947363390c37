"""Where measurements go: files of results, and tables and pictures in the documents."""
import html
import json
import math
import pathlib
import platform
import re
import sys


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def numbers(text):
    """Of an option: "1,8"."""
    return [int(number) for number in text.split(",")]


def keep(root, name, result):
    file = root / f"bench/results/{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written: {file.relative_to(root)}")


class Page:
    """Lines of a document between '<!-- MARK: … -->' and '<!-- end of MARK -->', each a line of its own,
    or without a mark a whole file."""

    def __init__(self, name, mark, lines):
        self.name, self.mark, self.text = name, mark, "\n".join(lines)

    def within(self, text):
        """The document's text with this page in it."""
        if not self.mark:
            return self.text
        changed, count = re.subn(
            rf"(<!-- {self.mark}: [^\n]*-->\n).*?(<!-- end of {self.mark} -->)",
            lambda found: found[1] + self.text + "\n" + found[2], text, flags=re.S)
        if count != 1:
            sys.exit(f"{self.name} has no place for the table of {self.mark}")
        return changed


def _read(file):
    return file.read_text() if file.exists() else ""


def write_pages(root, pages):
    for page in pages:
        (root / page.name).write_text(page.within(_read(root / page.name)))
        print(f"written: {page.name}")


def old_pages(root, pages):
    """The names of those that writing would change."""
    return [page.name for page in pages
            if page.within(_read(root / page.name)) != _read(root / page.name)]


_STYLE = """<style>
text { fill: #24292f } .grid { stroke: #8884 } .one { stroke: #24292f; stroke-width: 2 }
.paper { fill: #fff } .range { stroke: #24292f; stroke-width: 1.5 }
.s0 { fill: #3574c4 } .s1 { fill: #d1701f } .s2 { fill: #3d9448 }
.l0 { stroke: #3574c4 } .l1 { stroke: #d1701f } .l2 { stroke: #3d9448 }
.l0, .l1, .l2 { fill: none; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .paper { fill: #0d1117 }
.one, .range { stroke: #e6edf3 } }
</style>"""
_LEFT, _RIGHT, _TOP, _BOTTOM, _WIDTH, _BAR, _GAP = 170, 70, 74, 34, 860, 14, 12


def bars(title, series, groups):
    """An SVG picture of ratios: for each group a label and for each series {"low", "median", "high"}
    or None. A line marks 1. Readable on light and dark pages."""
    most = max([1, *(value["high"] for _, values in groups for value in values if value)]) * 1.04
    step = _GAP + _BAR * len(series)
    height = _TOP + step * len(groups) + _BOTTOM
    bottom = height - _BOTTOM

    def across(ratio):
        return _LEFT + ratio / most * (_WIDTH - _LEFT - _RIGHT)

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
             f'width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="13">', _STYLE,
             f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
             f'<text x="16" y="26" font-size="16">{html.escape(title)}</text>']
    for i, name in enumerate(series):
        lines.append(f'<rect class="s{i}" x="{_LEFT + 160 * i}" y="42" width="14" height="14"/>'
                     f'<text x="{_LEFT + 160 * i + 20}" y="54">{html.escape(name)}</text>')
    for i in range(int(2 * most) + 1):
        kind = "one" if i == 2 else "grid"
        lines.append(f'<path class="{kind}" d="M{across(i / 2):.1f} {_TOP - 8} V{bottom}"/>'
                     f'<text x="{across(i / 2):.1f}" y="{bottom + 18}" '
                     f'text-anchor="middle">{i / 2:g}</text>')
    for g, (label, values) in enumerate(groups):
        top = _TOP + step * g
        lines.append(f'<text x="{_LEFT - 8}" y="{top + _BAR * len(series) / 2 + 5:.1f}" '
                     f'text-anchor="end">{html.escape(label)}</text>')
        for i, value in enumerate(values):
            if value:
                lines += _bar(across, top + _BAR * i, i, value)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _bar(across, y, series, value):
    middle, end = y + _BAR / 2, across(value["median"])
    yield (f'<rect class="s{series}" x="{_LEFT}" y="{y + 1}" width="{end - _LEFT:.1f}" '
           f'height="{_BAR - 2}"/>')
    yield f'<path class="range" d="M{across(value["low"]):.1f} {middle} H{across(value["high"]):.1f}"/>'
    yield f'<text x="{across(value["high"]) + 6:.1f}" y="{y + 12}">{value["median"]:.2f}</text>'


def _step(most):
    """Between lines of a grid of four to ten: 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(most / 4))
    return next(power * factor for factor in (5, 2, 1) if most / (power * factor) >= 4)


def curves(title, across, series, marks=()):
    """An SVG picture of lines: `series` are pairs of a name and a value for each of `across`, `marks`
    points of interest, of `across` and a value."""
    step = _step(max(max(values) for _, values in series))
    ticks = math.ceil(max(max(values) for _, values in series) / step)
    height = 420
    bottom, wide = height - 46, _WIDTH - 90

    def point(i, value):
        return (f"{60 + wide * i / (len(across) - 1):.1f} "
                f"{bottom - (bottom - 80) * value / (ticks * step):.1f}")

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
             f'width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="13">', _STYLE,
             f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
             f'<text x="16" y="26" font-size="16">{html.escape(title)}</text>']
    for value in (tick * step for tick in range(ticks + 1)):
        left, y = point(0, value).split()
        lines.append(f'<path class="grid" d="M{left} {y} h{wide}"/><text x="{float(left) - 8}" '
                     f'y="{float(y) + 5:.1f}" text-anchor="end">{value:g}</text>')
    for i, label in enumerate(across):
        lines.append(f'<text x="{point(i, 0).split()[0]}" y="{bottom + 22}" '
                     f'text-anchor="middle">{label}</text>')
    for i, (name, values) in enumerate(series):
        path = " L".join(point(k, value) for k, value in enumerate(values))
        lines.append(f'<path class="l{i}" d="M{path}"/>'
                     f'<rect class="s{i}" x="{60 + 260 * i}" y="42" width="14" height="14"/>'
                     f'<text x="{60 + 260 * i + 20}" y="54">{html.escape(name)}</text>')
    for where, value in marks:
        x, y = point(where - across[0], value).split()
        lines.append(f'<circle class="one" cx="{x}" cy="{y}" r="5" fill="none"/>'
                     f'<text x="{x}" y="{float(y) - 12:.1f}" text-anchor="middle">{where:.1f}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"
