"""Joins the page's files into one, as C text: usage: join_page.py OUT.c PAGE.html FILE…

'@name.css@' and '@name.js@' in the page stand for those files. '@KEYPOINT_SET@' and '@LINES@'
divide the page into the three pieces between which the program writes."""
import pathlib
import sys

out, page, *files = sys.argv[1:]
text = pathlib.Path(page).read_text(encoding="utf-8")
for file in map(pathlib.Path, files):
    content = file.read_text(encoding="utf-8")
    mark = f"@{file.name}@"
    if text.count(mark) != 1 or "</s" in content:
        sys.exit(f"{page}: {mark} must stand there once, and no tag may end in {file.name}")
    text = text.replace(mark, content)
pieces = [piece for part in text.split("@KEYPOINT_SET@") for piece in part.split("@LINES@")]
if len(pieces) != 3:
    sys.exit(f"{page}: @KEYPOINT_SET@ and @LINES@ must stand there once each")


def literal(piece):
    """C string literals, a line each; bytes beyond ASCII as octal escapes."""
    plain = {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("?"): "\\?"}
    lines = piece.encode().splitlines(keepends=True)
    return "\n    ".join(
        '"' + "".join(plain.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in line)
        + '"' for line in lines)


pathlib.Path(out).write_text(
    '#include "label_page.h"\n\nconst char *const label_page_parts[3] = {\n    '
    + ",\n    ".join(literal(piece) for piece in pieces) + ",\n};\n")
