"""Made-up labels and predictions in the folders that scoring reads."""

from pathlib import Path
from typing import Dict, Tuple

import numpy as np

RATES = (16000, 24000, 48000, 48000)


def write_table(path: Path, table: Dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} {value}\n" for key, value in sorted(table.items())]
    path.write_text("".join(lines))


def write_set(
    root: Path, note: str = "", noise: float = 0.4, experiment: str = "mos_a"
) -> Tuple[Path, Path]:
    """Write 16 systems of 6 clips; give the reference and prediction folders."""
    rng = np.random.default_rng(0)
    ref_dir = root / "dump" / "mini_test"
    pred_dir = root / "exp" / experiment / "inference" / "mini_test"
    system = {f"spk{i % 6}-utt{i:03d}": f"sys{i // 6:02d}" for i in range(96)}
    quality = rng.uniform(1.5, 4.5, 16)
    mos = {u: quality[int(s[3:])] + rng.normal(0, 0.2) for u, s in system.items()}
    write_table(ref_dir / "mos", mos)
    write_table(ref_dir / "utt2sys", system)
    write_table(
        ref_dir / "utt2fs", {u: RATES[int(s[3:]) % 4] for u, s in system.items()}
    )
    if note:
        (ref_dir / "label_note").write_text(note + "\n")
    rng = np.random.default_rng(1)
    write_table(pred_dir / "mos", {u: m + rng.normal(0, noise) for u, m in mos.items()})
    write_table(pred_dir / "mos_std", dict.fromkeys(mos, noise))
    return ref_dir, pred_dir
