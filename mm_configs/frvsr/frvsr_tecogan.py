# FRVSR that computes the same as TecoGAN-PyTorch's FRNet for BD frames, for its public weights:
#   python -m harness.networks convert FRVSR_4x_BD_REDS_iter400K.pth frvsr_tecogan.pth
# (harness/networks/foreign/frnet.py says what differs). Weights for BI: upsampler='bilinear'.
_base_ = './frvsr_paper.py'
model = dict(
    generator=dict(
        upsampler='bicubic_bd',
        flow_net=dict(type='FRVSRFlowNet', padding='flow'),
    )
)
