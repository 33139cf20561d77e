# A small grid on the sample clips that shows the effect of the strategies within minutes.
# The longest runs come first, so that two workers finish at about the same time.
networks = dict(
    frvsr_rr=dict(config='mm_configs/frvsr/frvsr_rr_quickstart.py', label='FRVSR-RR'),
    basicvsr_small=dict(
        config='mm_configs/basicvsr/basicvsr_small_quickstart.py', label='BasicVSR-S'
    ),
    bicubic=dict(config='mm_configs/bicubic/bicubic_bd.py', label='Bicubic'),
)
train_sets = dict(sample=dict(root='data/sample/train', label='Sample'))
test_sets = dict(
    moving=dict(root='data/sample/moving', label='Moving'),
    static=dict(root='data/sample/static', label='Static'),
    sliding_window=dict(root='data/sample/sliding_window', label='Sliding window'),
    gamma=dict(root='data/sample/gamma', label='Gamma'),
    composit=dict(root='data/sample/composit', label='Composit'),
)
sweeps = [
    dict(networks=['basicvsr_small'], strategies=['PI', 'RI'], R=[32]),
    dict(networks=['frvsr_rr'], strategies=['PI'], R=[2]),
    dict(networks=['frvsr_rr'], strategies=['PI'], R=[8], seeds=[0, 1]),
    dict(networks=['frvsr_rr'], strategies=['PI'], R=[8], fc=[True]),
    dict(networks=['frvsr_rr'], strategies=['PI'], R=[32]),
    dict(networks=['frvsr_rr'], strategies=['RI'], seeds=[0, 1], reset_every=[None, 15, 50]),
    dict(networks=['bicubic'], strategies=[None]),
]
jobs = 2
