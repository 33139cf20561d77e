"""Recurrent VSR networks whose memory is an explicit input and output, in MMagic's ``MODELS``."""

import sys

# python -m harness.networks imports this package first, and its --help shall not wait for MMagic
if sys.argv[0] != '-m':
    from .zoo import *  # noqa: F403
