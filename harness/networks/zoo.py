"""Imports all networks, which registers them for configs."""

from harness import compat

compat.apply()

import mmagic.engine  # noqa: E402, F401  (registries that MMEngine would import run by run)

from harness.networks.animesr import AnimeSRNet  # noqa: E402
from harness.networks.basicvsr import StatefulBasicVSRNet  # noqa: E402
from harness.networks.basicvsr_pp import StatefulBasicVSRPlusPlusNet  # noqa: E402
from harness.networks.bicubic import BicubicUpsampler  # noqa: E402
from harness.networks.brcn import BRCNNet  # noqa: E402
from harness.networks.flow import ConvFlowNet, DISFlow, FRVSRFlowNet  # noqa: E402
from harness.networks.frame_conditioned import FrameConditioned  # noqa: E402
from harness.networks.frame_window import FrameWindowNet  # noqa: E402
from harness.networks.frvsr import FRVSRNet  # noqa: E402
from harness.networks.iconvsr import StatefulIconVSRNet  # noqa: E402
from harness.networks.luma import LumaLoss  # noqa: E402
from harness.networks.model import FramePreprocessor, RecurrentVSR  # noqa: E402
from harness.networks.mrvsr import MRVSRNet, RFS3Net, RLSPNet  # noqa: E402
from harness.networks.plain import PlainStepNet, PlainVideoNet  # noqa: E402
from harness.networks.rdn import FramewiseRDNNet  # noqa: E402
from harness.networks.real_basicvsr import StatefulRealBasicVSRNet  # noqa: E402
from harness.networks.real_viformer import RealViformerNet  # noqa: E402
from harness.networks.recurrent import RecurrentNet, States, Unrolled  # noqa: E402
from harness.networks.ristn import RISTNNet  # noqa: E402
from harness.networks.rrn import RRNNet  # noqa: E402
from harness.networks.rsdn import RSDNNet  # noqa: E402
from harness.networks.single_image.drcn import DRCNNet  # noqa: E402
from harness.networks.single_image.dsrn import DSRNNet  # noqa: E402
from harness.networks.single_image.lapsrn import LapSRNNet  # noqa: E402
from harness.networks.spmc import SPMCNet  # noqa: E402
from harness.networks.stateless import StatelessNet  # noqa: E402
from harness.networks.stcn import STCNNet  # noqa: E402
from harness.networks.temporal_adaptive import TemporalAdaptiveNet  # noqa: E402
from harness.networks.toflow import WindowTOFlowNet  # noqa: E402
from harness.networks.two_branches import TwoBranchNet  # noqa: E402
from harness.networks.unidirectional import UnidirectionalNet  # noqa: E402
from harness.networks.vespcn import VESPCNNet  # noqa: E402
from harness.networks.vsrnet import VSRNet  # noqa: E402
from harness.networks.windowed import WindowedInference  # noqa: E402

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
    'RealViformerNet',
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
