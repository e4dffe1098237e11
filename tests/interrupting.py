"""Ctrl-C in a process of its own: a long call ends within half a second, and the library works afterwards."""

import signal
import subprocess
import sys
import time

SCRIPT = """
import faulthandler, signal, sys, time
import numpy as np
from wassail import discrepancy, kernels, ot, sampling, thinning
faulthandler.dump_traceback_later(60, exit=True)  # a hang ends, with the place
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs inherit that it is ignored
{prepare}
print("started", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), flush=True)
    assert {usable}
    print("usable", flush=True)
"""


def check_ctrl_c(prepare, call, usable):
    """Interrupt `call` after 0.7 s; `usable` is an expression that must hold afterwards."""
    script = SCRIPT.format(prepare=prepare, call=call, usable=usable)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().strip() == "started"
            time.sleep(0.7)
            assert process.poll() is None, "finished before it could be interrupted"
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            word, when = process.stdout.readline().split()
            assert word == "interrupted"
            assert float(when) - sent < 0.5
            assert process.stdout.readline().strip() == "usable"
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
