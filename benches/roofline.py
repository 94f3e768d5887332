"""The limits of each loss, as a picture: arithmetic, the time within the caches, and memory, the time of its floor.

    cargo bench -p benches --bench goals -- --markdown >goals.md
    venv/bin/python benches/roofline.py goals.md docs/roofline.png

A loss beyond the caches takes at least the longer of the two, which the grey lines show; Dice reads the logits twice.
`benches/peers.py` says how to make the environment.
"""
import sys

import matplotlib
import matplotlib.pyplot as plt

WITHIN, BEYOND = "2x4x64^2 ", "2x4x128^3 "


def rows(path):
    """Name of a case to its nanoseconds per voxel and those of its floor."""
    table = {}
    for line in open(path, encoding="utf-8"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) < 4:
            continue
        try:
            table[cells[0]] = float(cells[1]), float(cells[2])
        except ValueError:
            continue
    return table


def main():
    table = rows(sys.argv[1])
    losses = [name.removeprefix(WITHIN) for name in table if name.startswith(WITHIN)]
    points = [(loss, table[WITHIN + loss][0], *table[BEYOND + loss]) for loss in losses if BEYOND + loss in table]
    if not points:
        sys.exit(f"{sys.argv[1]} has no rows {WITHIN}and {BEYOND}")
    matplotlib.rcParams["svg.hashsalt"] = "roofline"
    figure, axes = plt.subplots(figsize=(7, 4.2), dpi=110)
    end = 1.15 * max(max(arithmetic, time) for _, arithmetic, time, _ in points)
    one, two = ([floor for loss, *_, floor in points if ("Dice" in loss) == region] for region in (False, True))
    for floor in (sum(floors) / len(floors) for floors in (one, two) if floors):
        axes.plot([0, floor, end], [floor, floor, end], color="0.75", linewidth=1.2)
        axes.annotate(f"memory {floor:.2f} ns", (0.02 * end, floor), va="bottom", fontsize=8, color="0.4")
    for loss, arithmetic, time, floor in points:
        axes.plot([arithmetic, arithmetic], [max(arithmetic, floor), time], color="tab:blue", linewidth=1)
        axes.plot(arithmetic, time, "o", color="tab:blue")
        # Away from the line, on which other losses lie.
        above = time >= max(arithmetic, floor)
        place, side, edge = ((-5, 4), "right", "bottom") if above else ((5, -4), "left", "top")
        axes.annotate(loss, (arithmetic, time), place, textcoords="offset points", ha=side, va=edge, fontsize=9)
    axes.set(xlim=(0, end), ylim=(0, end), xlabel="ns per voxel within the caches (arithmetic)",
             ylabel="ns per voxel beyond the caches")
    figure.tight_layout()
    figure.savefig(sys.argv[2])


main()
