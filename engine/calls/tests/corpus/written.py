#!/usr/bin/env python3
"""written.py CORPUS > written.tsv.gz: every CDR row of a corpus with the moment at which the PBX wrote it.

CORPUS has runs with `cdr-full.csv` and `ami.log` or `ami.log.gz`: the rows, and the manager interface's `Cdr` events, which the PBX
sends when it writes a row. A line is: the run, the moment in microseconds since 1970, the row; in the order of writing.
"""

import csv
import gzip
import io
import pathlib
import sys


def events(folder):
    """The `Cdr` events of a run: (sequence, moment in microseconds)."""
    packed = folder / "ami.log.gz"
    raw = gzip.open(packed, "rb").read() if packed.exists() else (folder / "ami.log").read_bytes()
    for block in raw.decode(errors="replace").replace("\r", "").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if fields.get("Event") == "Cdr":
            seconds, fraction = fields["Timestamp"].split(".")
            yield fields["Sequence"], int(seconds) * 1_000_000 + int(fraction.ljust(6, "0"))


def lines(corpus):
    for path in sorted(corpus.glob("**/cdr-full.csv")):
        folder = path.parent
        if not any((folder / name).exists() for name in ("ami.log", "ami.log.gz")):
            continue
        rows = path.read_text().splitlines()
        written = list(events(folder))
        sequences = [next(csv.reader([row]))[20] for row in rows]
        if sequences != [sequence for sequence, _ in written]:
            sys.exit(f"{folder}: the rows are not those of the events")
        for row, (_, moment) in zip(rows, written):
            yield f"{folder.relative_to(corpus)}\t{moment}\t{row}\n"


out = io.BytesIO()
# No time and no name in it: the same corpus gives the same bytes.
with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed:
    for line in lines(pathlib.Path(sys.argv[1])):
        packed.write(line.encode())
sys.stdout.buffer.write(out.getvalue())
