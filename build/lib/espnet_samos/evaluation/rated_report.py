"""The report on clips that people rated: RATED.md, rated.json and clips.csv."""

import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence

import pandas as pd

from espnet_samos.evaluation.rated import EvaluatedSet, Figures
from espnet_samos.evaluation.rated_plots import condition_means, errors_by_group
from espnet_samos.evaluation.report import (
    UNDEFINED,
    format_coverage,
    format_difference,
    format_interval,
    format_number,
    format_within,
    markdown_table,
    with_note,
)
from espnet_samos.utils.environment import environment, machine
from espnet_samos.utils.files import whole_file, write_text
from espnet_samos.utils.mos_scale import format_scale

HEADER = (
    *("LCC", "SRCC", "LCC, systems", "SRCC, systems", "within", "MSE", "MSE, fitted"),
    *("coverage", "CPU"),
)
COMPARED = ("lcc", "srcc", "mse")
EXPLANATION = (
    "LCC and SRCC: of clips, and of the means of systems (conditions). In brackets: "
    "95 % intervals for other systems than these, by a jackknife over systems. Within: "
    "the mean over speakers of the LCC within each, with the number of speakers that "
    "have three clips or more. MSE, fitted: after the best linear map of the "
    "predictions. Coverage: ratings within the predicted 95 % interval; in "
    "parentheses, with the ratings' own standard error. CPU: seconds of processor time "
    "for a second of audio, reading included, on one core; scores of one package are "
    "computed at once. Ceiling: the LCC that the ratings' own error allows for. "
    f"{UNDEFINED}: not known, or, as errors where ratings are not on 1..5, without a "
    "meaning."
)


def _row(name: str, figures: Figures) -> List[str]:
    levels = (figures["utterance"], figures["system"])
    return [
        name,
        *(format_interval(**x[m]) for x in levels for m in ("lcc", "srcc")),
        format_within(figures["within"]),
        format_interval(**figures["utterance"]["mse"]),
        format_number(figures["fitted_mse"]),
        format_coverage(figures["variance"]),
        format_number(figures["cpu_per_second"]),
    ]


def _difference_row(name: str, figures: Figures) -> List[str]:
    cells = []
    for metric in COMPARED:
        values = (
            float("nan") if x is None else x for x in figures["difference"][metric]
        )
        cells.append(format_difference(*values))
    return [name, *cells]


def set_section(rated: EvaluatedSet) -> str:
    """Write the figures of all predictors on one set.

    Returns:
        Markdown: a table with one row per predictor, one of differences from the first
        if there are several, and both plots.
    """
    first, *others = rated.figures
    known = rated.figures[first]
    ceiling = format_number(known["ceiling"])
    facts = (
        f"{known['utterance']['n']} clips of {known['system']['n']} systems; ratings "
        f"on {format_scale(rated.scale)}; ceiling of the LCC {ceiling}."
    )
    table = markdown_table(
        ["predictor", *HEADER],
        [_row(name, figures) for name, figures in rated.figures.items()],
    )
    parts = [f"## {rated.name}", facts, with_note(table, [rated.note])]
    if others:
        rows = [_difference_row(name, rated.figures[name]) for name in others]
        header = [f"minus {first}", *(metric.upper() for metric in COMPARED)]
        parts.append(markdown_table(header, rows))
    parts.append(f"![Means of systems]({rated.name}.png)")
    parts.append(f"![Errors by group]({rated.name}_groups.png)")
    return "\n\n".join(parts)


def clips_table(sets: Sequence[EvaluatedSet]) -> pd.DataFrame:
    """Return one row per clip and predictor, all sets below each other."""
    tables = []
    for rated in sets:
        for name, clips in rated.clips.items():
            table = clips.rename_axis("utterance").reset_index()
            table.insert(0, "set", rated.name)
            table.insert(1, "predictor", name)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def write_report(
    sets: Sequence[EvaluatedSet], output_dir: Path, left_out: Sequence[str] = ()
) -> Path:
    """Write RATED.md, rated.json, clips.csv and the plots of each set.

    Args:
        sets: All sets, with the same predictors.
        output_dir: Where to.
        left_out: What the report says of predictors that it lacks.

    Returns:
        RATED.md.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    for rated in sets:
        condition_means(rated).savefig(output_dir / f"{rated.name}.png")
        errors_by_group(rated).savefig(output_dir / f"{rated.name}_groups.png")
    with whole_file(output_dir / "clips.csv") as unfinished:
        clips_table(sets).to_csv(unfinished, index=False, float_format="%.6g")
    made = {
        "machine": machine(),
        **environment(),
        "command": " ".join(["samos", *sys.argv[1:]]),
    }
    content: Dict[str, Any] = {
        "made": made,
        "left_out": list(left_out),
        "sets": {
            rated.name: {
                "label_note": rated.note,
                "mos_scale": rated.scale,
                "predictors": rated.figures,
            }
            for rated in sets
        },
    }
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_text(output_dir / "rated.json", text)
    parts = [
        "# On people's ratings",
        "\n".join(f"- {k}: `{v}`" for k, v in made.items()),
    ]
    parts += [EXPLANATION, *(f"Left out: {reason}." for reason in left_out)]
    parts += map(set_section, sets)
    path = output_dir / "RATED.md"
    write_text(path, "\n\n".join(parts) + "\n")
    return path
