"""The signals on which work ends in good order; SIGINT stays Ctrl-C."""

import signal

#: what schedulers, people and closed terminals send
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
