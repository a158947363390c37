"""Writes the header with the sizes of the built-in models' files; called by Meson.

usage: builtin_sizes.py HEADER [NAME FILE]…"""
import os
import sys

header, pairs = sys.argv[1], sys.argv[2:]
with open(header, "w", encoding="ascii") as out:
    out.write("/* Sizes of the files in models/builtin. */\n")
    for name, file in zip(pairs[::2], pairs[1::2]):
        out.write(f"#define MODEL_BUILTIN_{name}_BYTES ((size_t){os.path.getsize(file)})\n")
