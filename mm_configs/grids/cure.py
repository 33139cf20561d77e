# The cure: BasicVSR's published weights, fine-tuned for 200 iterations with RI and with PI, and the
# same weights without training. About half an hour on two CPU cores. First run:
#   python -m harness.networks published
#   python -m dataset_tools sample --plan cure
# The recipe was tuned on other stills than these; the training clips show other scenes.
networks = dict(
    reds4=dict(
        config='mm_configs/basicvsr/basicvsr_cure.py',
        weights='weights/basicvsr_reds4.pth',
        label='BasicVSR REDS (BI)',
    ),
    bicubic=dict(config='mm_configs/bicubic/bicubic_bi.py', label='Bicubic (BI)'),
)
train_sets = dict(sample=dict(root='data/cure/train', label='Sample'))
test_sets = dict(
    moving=dict(root='data/cure/moving', label='Moving'),
    static=dict(root='data/cure/static', label='Static'),
)
sweeps = [
    dict(networks=['reds4'], strategies=['PI'], R=[8]),
    dict(networks=['reds4'], strategies=['RI', None], reset_every=[None, 15]),
    dict(networks=['bicubic'], strategies=[None]),
]
jobs = 2
