"""Where measurements go: files of results, and tables in the documents."""
import json
import pathlib
import platform
import re
import sys


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def keep(root, name, result):
    file = root / f"bench/results/{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written: {file.relative_to(root)}")


def write_between_marks(file, mark, lines):
    """Between '<!-- MARK: … -->' and '<!-- end of MARK -->', each a line."""
    changed, count = re.subn(rf"(<!-- {mark}: [^\n]*-->\n).*?(<!-- end of {mark} -->)",
                             lambda found: found[1] + "\n".join(lines) + "\n" + found[2],
                             file.read_text(), flags=re.S)
    if count != 1:
        sys.exit(f"{file} has no place for the table of {mark}")
    file.write_text(changed)
