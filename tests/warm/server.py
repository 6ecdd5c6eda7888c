"""A Python that has imported what the recipe's steps need, and forks for each of them.

Most of a step's time on a few clips is its imports. A process here is a real one, with
arguments, environment, folder, files and exit status of its own; it only does not begin
from nothing. `client.py` is what takes the place of `python3` in a recipe.
"""

import array
import json
import os
import runpy
import signal
import socket
import sys
import traceback
from pathlib import Path

PRELOADED = (
    "espnet_samos.tasks.mos",
    "espnet_samos.inference.predictor",
    "espnet_samos.evaluation.report",
    "espnet_samos.model_zoo.card",
    "espnet_samos.corpora.prepare",
    "espnet2.bin.launch",
    "s3prl.hub",
)


def receive(connection: socket.socket) -> tuple[dict, list[int]]:
    """Receive a request and the three files of its process."""
    size = array.array("i").itemsize
    data, ancillary, _, _ = connection.recvmsg(1 << 20, socket.CMSG_SPACE(3 * size))
    files = array.array("i")
    for _, _, content in ancillary:
        files.frombytes(content)
    while not data.endswith(b"\0"):
        data += connection.recv(1 << 20)
    return json.loads(data[:-1]), list(files)


def run(request: dict, files: list[int]) -> int:
    """Run what Python would run for these arguments; in a process of its own."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["cwd"])
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(name, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    option, module, *arguments = request["argv"]
    assert option == "-m", request["argv"]
    sys.argv = [module, *arguments]
    sys.path[0] = request["cwd"]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as e:
        if e.code is None or isinstance(e.code, int):
            return e.code or 0
        print(e.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def serve(address: str) -> None:
    """Serve until the process that started this one is gone."""
    for module in PRELOADED:
        __import__(module)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                answer(connection)
            connection.close()


def answer(connection: socket.socket) -> None:
    """Run a request in a child, whose number and exit status the client is told."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, files = receive(connection)
    child = os.fork()
    if child == 0:
        connection.close()
        code = 1
        try:
            code = run(request, files)
        finally:
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except OSError:
                    code = 1
            os._exit(code)
    for file in files:
        os.close(file)
    connection.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    serve(sys.argv[1])
