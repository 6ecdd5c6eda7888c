"""What takes the place of `python3`: hands its arguments on to `server.py`."""

import array
import json
import os
import signal
import socket
import sys


def main() -> None:
    """Run `-m <module> <arguments>` in the server, or anything else in Python."""
    if sys.argv[1:2] != ["-m"] or not sys.argv[2].startswith("espnet"):
        python = os.environ["WARM_PYTHON"]
        os.execv(python, [python, *sys.argv[1:]])
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ["WARM_SERVER"])
    request = dict(argv=sys.argv[1:], cwd=os.getcwd(), environ=dict(os.environ))
    files = array.array("i", [0, 1, 2])
    content = json.dumps(request).encode() + b"\0"
    sent = connection.sendmsg(
        [content], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)]
    )
    connection.sendall(content[sent:])
    answers = connection.makefile("r")
    child = int(answers.readline())
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(name, lambda number, frame: os.kill(child, number))
    code = int(answers.readline() or 1)
    if code < 0:  # ended by a signal: so does this process
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


main()
