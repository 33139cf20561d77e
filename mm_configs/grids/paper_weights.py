# Table IV of the PI-BPTT paper with published weights; nothing is trained. The sets need the LR
# frames of each network:
#   vsr-data degrade SET --output SET_lr --kind bd_tecogan bd_rlsp bd_basicvsr
# Sources of the weights:
#   python -m harness.networks published                                    (BasicVSR)
#   python -m harness.networks convert FRVSR_BD.pth weights/frvsr_tecogan.pth (TecoGAN-PyTorch)
#   python -m harness.networks convert mrvsr.pth weights/mrvsr.pth          (MRVSR's authors)
_basicvsr = 'mm_configs/basicvsr/basicvsr_paper.py'
networks = dict(
    basicvsr=dict(
        config=_basicvsr,
        weights='weights/basicvsr_vimeo90k_bd.pth',
        options=['lr_kind=lr_bd_basicvsr'],
        label='BasicVSR (official, Vimeo-90K)',
    ),
    frvsr=dict(
        config='mm_configs/frvsr/frvsr_tecogan.py',
        weights='weights/frvsr_tecogan.pth',
        options=['lr_kind=lr_bd_tecogan'],
        label='FRVSR (TecoGAN-PyTorch)',
    ),
    mrvsr=dict(
        config='mm_configs/mrvsr/mrvsr_paper.py',
        weights='weights/mrvsr.pth',
        options=['lr_kind=lr_bd_rlsp'],
        label='MRVSR (official)',
        paper='MRVSR',
    ),
)
test_sets = dict(
    vid4=dict(root='data/vid4_lr', label='Vid4', paper='Vid4'),
    reds4=dict(root='data/reds4_lr', label='REDS4', paper='REDS4'),
    quasi_static=dict(root='data/quasi_static_lr', label='Quasi-Static', paper='Quasi-Static'),
    composit=dict(root='data/composit_lr', label='Composit', paper='Composit'),
)
sweeps = [dict(strategies=[None], reset_every=[None, 15])]
jobs = 1
