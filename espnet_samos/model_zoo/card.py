"""The model card: what a trained model is, from the results of its own experiment.

README.md for people, card.yaml for programs.
"""

from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import yaml

from espnet_samos.evaluation.metrics import METRICS
from espnet_samos.evaluation.report import (
    EXPLANATION,
    Scores,
    further_scores,
    read_experiment,
    set_table,
)
from espnet_samos.evaluation.scoring import ScoringError
from espnet_samos.model_zoo.find import CARD, CONFIG
from espnet_samos.mos.slots import SLOTS
from espnet_samos.utils.config import read_config
from espnet_samos.utils.environment import environment, machine
from espnet_samos.utils.files import write_text

README = "README.md"
DIGITS = 4


def label_note(results: Dict[str, Scores]) -> str:
    """Return what the labels are, as the test sets state it; empty where none does."""
    notes = [scores["label_note"] for scores in results.values()]
    return "; ".join(dict.fromkeys(note for note in notes if note))


def card(results: Dict[str, Scores], description: str) -> Dict[str, Any]:
    """Return the facts that programs read.

    Args:
        results: Scores, as `scoring.read_scores` gives them, of each test set.
        description: One line.

    Returns:
        `description`, `label_note` and `results`: for each set, overall, for each
        native rate in Hz and for each further score that has labels, the number of
        clips `n` and the metrics at the utterance level, None where undefined.
    """
    return {
        "description": description,
        "label_note": label_note(results),
        "results": {
            scores["set"]: {
                group: _agreement(result["utterance"])
                for group, result in {
                    **scores["groups"],
                    **further_scores(scores),
                }.items()
                if result is not None
            }
            for scores in results.values()
        },
    }


def _agreement(utterance: Dict[str, Any]) -> Dict[str, Any]:
    values = {name: utterance[name]["value"] for name in METRICS}
    return {
        "n": utterance["n"],
        **{k: None if v is None else round(v, DIGITS) for k, v in values.items()},
    }


def readme(
    name: str,
    description: str,
    config: Dict[str, Any],
    results: Dict[str, Scores],
    about: str = "",
    made: Optional[Dict[str, str]] = None,
) -> str:
    """Write the model card.

    Args:
        name: Name of the model.
        description: One line.
        config: `config.yaml` of its training.
        results: Scores of each test set.
        about: Markdown: what only people know, such as the data, limits and licences.
        made: How, when and where it was made.

    Returns:
        Markdown.
    """
    note = label_note(results)
    parts = [f"# {name}", description]
    if note:
        parts += [f"**Its {note}.**"]
    if about:
        parts += [about.strip()]
    parts += ["## Use", "```sh\nsamos score --model <this folder> speech.wav\n```"]
    parts += ["## Model", "\n".join(f"- {line}" for line in _parts(config))]
    parts += ["## Results", EXPLANATION]
    for scores in results.values():
        parts += [f"### {scores['set']}", set_table(scores)]
    if made:
        lines = [f"- {key}: `{value}`" for key, value in made.items()]
        parts += ["## How it was made", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _parts(config: Dict[str, Any]) -> List[str]:
    """Describe the slots of a model, its window and what it was trained on."""
    lines = []
    for slot in (choices.name for choices in SLOTS):
        conf = config.get(f"{slot}_conf") or {}
        details = ", ".join(f"{key} {value}" for key, value in conf.items())
        value = config.get(slot)
        lines.append(f"{slot}: " + (f"{value} ({details})" if details else f"{value}"))
    for key, value in (config.get("preprocessor_conf") or {}).items():
        lines.append(f"{key}: {value}")
    for step in ("train", "valid"):
        data = config.get(f"{step}_data_path_and_name_and_type") or []
        sets = dict.fromkeys(
            Path(path).parent.name for path, name, _ in data if name == "mos"
        )
        if sets:
            lines.append(f"{step} set: {', '.join(sets)}")
    initial = [p.split(":")[0] for p in config.get("init_param") or []]
    if initial:
        steps = ", ".join(Path(path).parent.name for path in initial)
        lines.append(f"trained on from: {steps}")
    for key in ("max_epoch", "batch_size", "optim", "optim_conf", "seed"):
        if key in config:
            lines.append(f"{key}: {config[key]}")
    return lines


def write_model_card(
    exp_dir: Union[str, Path],
    output_dir: Union[str, Path, None] = None,
    inference_tag: str = "inference_valid.lcc.best",
    name: str = "",
    description: str = "",
    about: str = "",
    command: str = "",
) -> None:
    """Write README.md and card.yaml of an experiment that was scored.

    Args:
        exp_dir: The experiment: `config.yaml` and
            `<inference_tag>/<set>/scores.json`.
        output_dir: Where to write them; by default in the experiment.
        inference_tag: The results to show.
        name: Name of the model; by default that of the experiment.
        description: One line; by default one that says no more than the name.
        about: Markdown for what only people know; conf/about.md of the recipe, filled
            in.
        command: What made the model.

    Raises:
        ValueError: `about` has a TODO left.
        ScoringError: There are no results, or one is malformed.
        FileNotFoundError: There is no `config.yaml`.
    """
    for number, line in enumerate(about.splitlines(), start=1):
        if "TODO" in line:
            raise ValueError(
                f"line {number} of what --about names is not filled in "
                f"({line.strip()}): replace the TODO, or delete the line"
            )
    exp_dir = Path(exp_dir)
    output_dir = exp_dir if output_dir is None else Path(output_dir)
    config = read_config(exp_dir / CONFIG)
    results = {
        place: scores
        for place, scores in read_experiment(exp_dir).items()
        if place.split("/")[0] == inference_tag
    }
    if not results:
        raise ScoringError(f"no {exp_dir}/{inference_tag}/<set>/scores.json")
    scored = max((exp_dir / place / "scores.json").stat().st_mtime for place in results)
    name = name or exp_dir.resolve().name
    description = description or f"Predicts the quality of speech at any rate: {name}"
    made = {
        "machine": machine(),
        **environment(),
        # of the results, not of this page
        "date": f"{datetime.fromtimestamp(scored):%Y-%m-%d}",
        **({"command": command} if command else {}),
    }
    output_dir.mkdir(parents=True, exist_ok=True)
    text = readme(name, description, config, results, about, made)
    write_text(output_dir / README, text)
    facts = yaml.safe_dump(
        card(results, description), sort_keys=False, allow_unicode=True
    )
    write_text(output_dir / CARD, facts)
