"""Joins the cards of models/*.json into one C table: usage: join_cards.py OUT.c CARD.json…

A card is checked on the way: its name is its file's, and what every card of the list needs is
there."""
import json
import pathlib
import sys

out, *files = sys.argv[1:]
NEEDED = ("stance_card", "name", "title", "family", "input", "licence", "training_data")
PLAIN = {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("?"): "\\?"}


def literal(text):
    """C string literals, a line each; bytes beyond ASCII as octal escapes."""
    lines = text.encode().splitlines(keepends=True) or [b""]
    return "\n     ".join(
        '"' + "".join(PLAIN.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in line)
        + '"' for line in lines)


rows = []
for file in sorted(map(pathlib.Path, files), key=lambda path: path.stem):
    text = file.read_text(encoding="utf-8")
    card = json.loads(text)
    missing = [key for key in NEEDED if not card.get(key)]
    if missing or card["name"] != file.stem or bool(card.get("urls")) != bool(card.get("file")):
        sys.exit(f"{file}: lacks {missing}, has another name, or only one of 'urls' and 'file'")
    rows.append(f'    {{"{card["name"]}",\n     {literal(text)},\n     {len(text.encode())}, '
                f'{literal(card.get("file", ""))}}},\n')
pathlib.Path(out).write_text(
    '#include "model/zoo.h"\n\nconst struct model_zoo_card model_zoo[] = {\n' + "".join(rows)
    + "    {0},\n};\n", encoding="utf-8")
