#!/usr/bin/env python3
"""Tells which tables and pictures of the documents are not those of the cards and of any stored results
(bench/results): what makes them has changed, or they were changed by hand. Exit code 1 where there are
any.

usage: bench/old_tables.py"""
import json
import sys

import crossover_tables
import model_table
import peer_tables
import report
import video_tables

ROOT = model_table.ROOT
KINDS = {"peers": peer_tables, "crossover": crossover_tables, "video": video_tables}


def old_of(kind):
    """Of the results that need the least rewriting: those of another machine may lie beside them."""
    results = [json.loads(file.read_text())
               for file in sorted((ROOT / "bench/results").glob(f"{kind}-*.json"))]
    return min((report.old_pages(ROOT, KINDS[kind].pages(result)) for result in results),
               key=len, default=[])


def sentences():
    for name in report.old_pages(ROOT, model_table.pages()):
        yield f"{name} is not what bench/model_table.py writes of cards and measurements"
    for kind in KINDS:
        for name in old_of(kind):
            yield f"{name} is not what bench/{kind} --markdown writes of the stored results"


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(__doc__)
    found = list(sentences())
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
