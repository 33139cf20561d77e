"""All networks; importing this fills the registry that configs are built from."""

from harness import compat

compat.apply()

from .animesr import AnimeSRNet  # noqa: E402
from .basicvsr import StatefulBasicVSRNet  # noqa: E402
from .basicvsr_pp import StatefulBasicVSRPlusPlusNet  # noqa: E402
from .bicubic import BicubicUpsampler  # noqa: E402
from .brcn import BRCNNet  # noqa: E402
from .flow import ConvFlowNet, DISFlow, FRVSRFlowNet  # noqa: E402
from .frame_conditioned import FrameConditioned  # noqa: E402
from .frame_window import FrameWindowNet  # noqa: E402
from .frvsr import FRVSRNet  # noqa: E402
from .iconvsr import StatefulIconVSRNet  # noqa: E402
from .luma import LumaLoss  # noqa: E402
from .model import FramePreprocessor, RecurrentVSR  # noqa: E402
from .mrvsr import MRVSRNet, RFS3Net, RLSPNet  # noqa: E402
from .plain import PlainStepNet, PlainVideoNet  # noqa: E402
from .rdn import FramewiseRDNNet  # noqa: E402
from .real_basicvsr import StatefulRealBasicVSRNet  # noqa: E402
from .recurrent import RecurrentNet, States, UnidirectionalNet, Unrolled  # noqa: E402
from .ristn import RISTNNet  # noqa: E402
from .rrn import RRNNet  # noqa: E402
from .rsdn import RSDNNet  # noqa: E402
from .single_image.drcn import DRCNNet  # noqa: E402
from .single_image.dsrn import DSRNNet  # noqa: E402
from .single_image.lapsrn import LapSRNNet  # noqa: E402
from .spmc import SPMCNet  # noqa: E402
from .stateless import StatelessNet  # noqa: E402
from .stcn import STCNNet  # noqa: E402
from .temporal_adaptive import TemporalAdaptiveNet  # noqa: E402
from .toflow import WindowTOFlowNet  # noqa: E402
from .two_branches import TwoBranchNet  # noqa: E402
from .vespcn import VESPCNNet  # noqa: E402
from .vsrnet import VSRNet  # noqa: E402
from .windowed import WindowedInference  # noqa: E402

__all__ = [
    'AnimeSRNet',
    'BRCNNet',
    'BicubicUpsampler',
    'ConvFlowNet',
    'DISFlow',
    'DRCNNet',
    'DSRNNet',
    'FRVSRFlowNet',
    'FRVSRNet',
    'FrameConditioned',
    'FramePreprocessor',
    'FrameWindowNet',
    'FramewiseRDNNet',
    'LapSRNNet',
    'LumaLoss',
    'MRVSRNet',
    'PlainStepNet',
    'PlainVideoNet',
    'RFS3Net',
    'RLSPNet',
    'RISTNNet',
    'RRNNet',
    'RSDNNet',
    'RecurrentNet',
    'RecurrentVSR',
    'SPMCNet',
    'STCNNet',
    'StatefulBasicVSRNet',
    'StatefulBasicVSRPlusPlusNet',
    'StatefulIconVSRNet',
    'StatefulRealBasicVSRNet',
    'StatelessNet',
    'States',
    'TemporalAdaptiveNet',
    'TwoBranchNet',
    'UnidirectionalNet',
    'Unrolled',
    'VESPCNNet',
    'VSRNet',
    'WindowTOFlowNet',
    'WindowedInference',
]
