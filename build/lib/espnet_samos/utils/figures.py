"""What all plots share.

Figures are made without pyplot: no display, no backend, no global state.
"""

from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart with any colour vision.
PALETTE = ["#E69F00", "#009E73", "#0072B2", "#CC79A7", "#D55E00", "#56B4E9"]
TRAIN_COLOUR, VALID_COLOUR, GREY = "#E69F00", "#0072B2", "#555555"
DPI = 150


def rate_name(fs: int) -> str:
    """Write a sampling rate in Hz as people say it: 44100 -> `44.1 kHz`."""
    return f"{fs / 1000:g} kHz"


def new_figure(width: float, height: float, title: str, note: str) -> Figure:
    """Start a figure of this size in inches, with a title and a line at its foot."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    figure.suptitle(title, fontsize=13)
    if note:
        figure.supxlabel(note, fontsize=9, color=GREY, style="italic")
    return figure
