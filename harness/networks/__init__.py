"""Recurrent VSR networks whose memory is an explicit input and output, in MMagic's ``MODELS``."""

from harness import compat

compat.apply()

from .basicvsr import StatefulBasicVSRNet  # noqa: E402
from .bicubic import BicubicUpsampler  # noqa: E402
from .flow import ConvFlowNet, DISFlow, FRVSRFlowNet  # noqa: E402
from .frame_conditioned import FrameConditioned  # noqa: E402
from .frvsr import FRVSRNet  # noqa: E402
from .model import FramePreprocessor, RecurrentVSR  # noqa: E402
from .recurrent import RecurrentNet, States, UnidirectionalNet, Unrolled  # noqa: E402
from .ristn import RISTNNet  # noqa: E402
from .windowed import WindowedInference  # noqa: E402

__all__ = [
    'BicubicUpsampler',
    'ConvFlowNet',
    'DISFlow',
    'FRVSRFlowNet',
    'FRVSRNet',
    'FrameConditioned',
    'FramePreprocessor',
    'RISTNNet',
    'RecurrentNet',
    'RecurrentVSR',
    'StatefulBasicVSRNet',
    'States',
    'UnidirectionalNet',
    'Unrolled',
    'WindowedInference',
]
