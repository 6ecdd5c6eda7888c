"""Run a module of ESPnet with this project's frontends among its choices.

    python3 -m espnet_samos.integrations.espnet -m espnet2.bin.asr_train \\
        --frontend samos_ssl ...

ESPnet's recipes take it in place of Python:
`--python "python3 -m espnet_samos.integrations.espnet"`. Whatever else they run,
scripts, `-c` and modules that are not ESPnet's, is left to Python.
"""

import functools
import importlib.util
import os
import runpy
import sys
from typing import Callable, Dict, List

from espnet2.train.class_choices import ClassChoices


def _frontends() -> Dict[str, type]:
    """Import the frontends, and torch with them."""
    from espnet_samos.frontend.log_spectrogram import LogSpectrogramFrontend
    from espnet_samos.frontend.parallel import ParallelFrontend
    from espnet_samos.frontend.ssl_layer import SslLayerFrontend

    return dict(
        samos_spectrogram=LogSpectrogramFrontend,
        samos_ssl=SslLayerFrontend,
        samos_parallel=ParallelFrontend,
    )


def _add_first(method: Callable) -> Callable:
    """Add the frontends to the choices before a method of theirs runs."""

    @functools.wraps(method)
    def wrapped(self: ClassChoices, *args, **kwargs):
        from espnet2.asr.frontend.abs_frontend import AbsFrontend

        # not those of machine translation, which are for text
        if self.base_type is AbsFrontend and "default" in self.classes:
            self.classes.update(_frontends())
        return method(self, *args, **kwargs)

    return wrapped


@functools.cache
def register_frontends() -> None:
    """Add this project's frontends to the choices of ESPnet's tasks.

    `--frontend samos_spectrogram`, `samos_ssl` and `samos_parallel` can then be
    chosen in every task that has ESPnet's `default` frontend: asr, aqa, st, slu,
    diar, spk and others.

    Each task makes a `ClassChoices` of its own when it is imported. To import no task
    but the one that is run, and to find those that are imported already, the
    frontends are added when a `ClassChoices` is asked what it has.
    """
    ClassChoices.choices = _add_first(ClassChoices.choices)
    ClassChoices.get_class = _add_first(ClassChoices.get_class)


# Not in main(): the processes that ESPnet spawns, one for each GPU, import this module
# under the second name, but do not run it.
if __name__ in ("__main__", "__mp_main__"):
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
        if module is not None and module.origin is not None:
            sys.argv = [module.origin, *args[2:]]
            # With alter_sys, spawned processes would import `module` instead.
            runpy.run_module(module.name, run_name="__main__", alter_sys=False)
            return
    os.execv(sys.executable, [sys.executable, *args])


if __name__ == "__main__":
    main(sys.argv[1:])
