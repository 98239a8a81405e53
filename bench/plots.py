"""Draws the plots of the results, with a transparent background and grey text, to be readable on light and dark pages.

matplotlib is imported only when something is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.goals import ORDER, OURS, Rows, share_of
from bench.wsbench.scenarios import UNITS

INK, FAINT = "#7f8490", "#7f849055"
COLOURS = {
    OURS: "#1f8fe0",
    "gdpeer-pure": "#1f8fe0",
    "picows": "#e8590c",
    "picows-messages": "#f08c00",
    "socketify": "#2f9e44",
    "aiohttp": "#c2379f",
    "websockets": "#7950f2",
    "websockets-threads": "#9775fa",
    "websocket-client": "#b08968",
    "wsproto": "#868e96",
    "node-ws": "#12a19a",
}
MARKERS = {OURS: "D", "gdpeer-pure": "d"}
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gdpeer",
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": FAINT,
    "legend.frameon": False,
}


@contextmanager
def figure(file: Path, width: float, height: float) -> Iterator[Any]:
    """Yields axes to draw on, and writes the drawing to `file` at the end of the block."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    with pyplot.rc_context(STYLE):
        drawing, axes = pyplot.subplots(figsize=(width, height), layout="constrained")
        yield axes
        drawing.savefig(file, transparent=True, metadata={"Date": None})
        pyplot.close(drawing)


def draw_shares(results: Mapping[str, Rows], file: Path) -> None:
    """Draws the share of the floor that each server reaches in each scenario, without the memory scenarios."""
    scenarios = [name for name in UNITS if name in results and name != "idle-mem"]
    servers = [name for name in ORDER if any(name in results[scenario] for scenario in scenarios)]
    with figure(file, 9.0, 1.6 + 0.42 * len(scenarios)) as axes:
        for server in reversed(servers):
            draw_server(axes, results, scenarios, server)
        axes.axvline(1.0, color=INK, linewidth=1)
        axes.set_xscale("log")
        axes.set_xticks(ticks := [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0], [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_yticks(range(len(scenarios)), scenarios)
        axes.invert_yaxis()
        axes.grid(True)
        axes.set_xlabel("share of the floor, a bare C program (1.0); further right is better")
        axes.legend(*_upside_down(axes), loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=4)


def draw_server(axes: Any, results: Mapping[str, Rows], scenarios: Sequence[str], server: str) -> None:
    shares = [(share_of(results[name], name, server), line) for line, name in enumerate(scenarios)]
    known = [(share, line) for share, line in shares if share]
    is_ours = server in MARKERS
    axes.plot(
        [share for share, _ in known],
        [line for _, line in known],
        linestyle="none",
        marker=MARKERS.get(server, "o"),
        markersize=9 if is_ours else 6,
        color=COLOURS.get(server, INK),
        fillstyle="none" if server == "gdpeer-pure" else "full",
        alpha=1.0 if is_ours else 0.85,
        label=server,
    )


def _upside_down(axes: Any) -> tuple[list[Any], list[str]]:
    """Returns the entries of the legend in reverse order, because the most important line is drawn last, on top."""
    handles, names = axes.get_legend_handles_labels()
    return handles[::-1], names[::-1]


def draw_scaling(sizes: Sequence[int], costs: Mapping[str, Sequence[float]], file: Path) -> None:
    """Draws the processor time per message over the number of idle peers."""
    with figure(file, 7.0, 3.6) as axes:
        for server, values in costs.items():
            axes.plot(
                sizes,
                values,
                marker=MARKERS.get(server, "o"),
                color=COLOURS.get(server, INK),
                linestyle="--" if server == "gdpeer-pure" else "-",
                label=server,
            )
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.grid(True)
        axes.set_xlabel("idle peers")
        axes.set_ylabel("server CPU, us a message")
        axes.legend(loc="lower right")
