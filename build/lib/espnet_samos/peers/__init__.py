"""Published predictors of others, each as its package has it, on the CPU.

A new one is a file here and a line in `PEERS`.
"""

from typing import Dict, List, Optional, Sequence, Tuple, Type

from espnet_samos.peers.abs_peer import AbsPeer
from espnet_samos.peers.distillmos import DistillMos
from espnet_samos.peers.dnsmos import Dnsmos

PEERS: Dict[str, Type[AbsPeer]] = {
    "distillmos": DistillMos,
    "dnsmos": Dnsmos,
}


def choose_peers(
    names: Optional[Sequence[str]] = None,
) -> Tuple[Dict[str, Type[AbsPeer]], List[str]]:
    """Choose peers by name, or all that are installed.

    Returns:
        The peers by name, and for each that is left out why, and what to install.

    Raises:
        ValueError: There is no peer of this name.
        ImportError: A peer that was asked for is not installed.
    """
    chosen, left_out = {}, []
    for name in dict.fromkeys(PEERS if names is None else names):
        if name not in PEERS:
            raise ValueError(f"no peer '{name}': there are {', '.join(PEERS)}")
        if missing := PEERS[name].missing():
            left_out.append(
                f"{name} needs {' and '.join(missing)}: pip install "
                f"{' '.join(missing)}, or this package with [peers]"
            )
        else:
            chosen[name] = PEERS[name]
    if left_out and names is not None:
        raise ImportError("; ".join(left_out))
    return chosen, left_out
