"""The scale of the labels of a data directory: its file `mos_scale`."""

import math
from pathlib import Path
from typing import Tuple, Union

from espnet_samos.utils.tables import DataError

Scale = Tuple[float, float]  # the lowest label and the highest
ACR: Scale = (1.0, 5.0)


def read_mos_scale(data_dir: Union[str, Path]) -> Scale:
    """Read the scale of a data directory's labels; without a file it is 1 to 5.

    Raises:
        DataError: The file is not one line `<low> <high>`.
    """
    path = Path(data_dir) / "mos_scale"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ACR
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"{path} cannot be read: {e}") from e
    try:
        low, high = map(float, text.split())
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise DataError(
            f"{path}: '{text.strip()}' is not '<low> <high>', such as '0 100': write "
            "the lowest label and the highest that listeners could give"
        )
    return low, high


def format_scale(scale: Scale, between: str = "..") -> str:
    """Return a scale as text: `1..5`."""
    return between.join(f"{end:g}" for end in scale)
