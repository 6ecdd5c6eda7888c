"""Let ESPnet train on several GPUs where there is none: on the CPU.

With this folder on the PYTHONPATH, `--ngpu 2` spawns its two processes as ever, and
these use gloo and the CPU. Nothing else is changed.
"""

import functools
import sys


def _on_the_cpu(main_worker):
    @functools.wraps(main_worker)
    def wrapped(cls, args):
        args.ngpu, args.dist_backend = 0, "gloo"
        return main_worker(cls, args)

    return classmethod(wrapped)


if "--multiprocessing-fork" in sys.orig_argv:  # a spawned process
    from espnet2.tasks.abs_task import AbsTask

    AbsTask.main_worker = _on_the_cpu(AbsTask.main_worker.__func__)
