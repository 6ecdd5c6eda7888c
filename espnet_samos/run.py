"""Run a module of ESPnet with this project's frontends among its choices.

    python3 -m espnet_samos.run -m espnet2.bin.asr_train --frontend samos_ssl ...

ESPnet's recipes take it in place of Python: `--python "python3 -m espnet_samos.run"`.
Whatever else they run, scripts, `-c` and modules that are not ESPnet's, is left to
Python.
"""

import importlib.util
import os
import runpy
import sys
from typing import List

from espnet_samos.frontend.register import register_frontends

# Here and not in main(): the processes that ESPnet spawns, one for each GPU, import
# this module, but do not run it.
register_frontends()


def main(args: List[str]) -> None:
    """Run what Python would run for these arguments.

    Args:
        args: `-m espnet2.bin.<name>` and the arguments of that module, or any other
            arguments of Python.
    """
    if args in ([], ["-h"], ["--help"]):
        print(__doc__)
        return
    if args[0] == "-m" and len(args) > 1 and args[1].split(".")[0] == "espnet2":
        module = importlib.util.find_spec(args[1])
        if module is not None:
            sys.argv = [module.origin, *args[2:]]
            # With alter_sys, spawned processes would import `module` instead.
            runpy.run_module(module.name, run_name="__main__", alter_sys=False)
            return
    os.execv(sys.executable, [sys.executable, *args])


if __name__ == "__main__":
    main(sys.argv[1:])
