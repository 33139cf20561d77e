"""Y-PSNR and SSIM as in the default protocol, without 8 pixels at each edge."""

from harness.evaluation.protocols import Protocol, register_protocol


def inner(height, width):
    """The part of a frame that is scored: its rows and columns."""
    return slice(8, height - 8), slice(8, width - 8)


register_protocol(Protocol('border8', 'as default, without 8 pixels at each edge', region=inner))
