# Part `properties` of docs/study.md: published weights, one property of the video at a time.
# Nothing is trained. About three quarters of an hour on two CPU cores. Before it:
#   python -m harness.networks published
#   python -m dataset_tools sample --plan study
_basicvsr = 'mm_configs/basicvsr/basicvsr_paper.py'
_bi, _bd = ['lr_kind=lr_bi'], ['lr_kind=lr_bd_basicvsr']


def _row(weights, options, label, config=_basicvsr):
    return dict(config=config, weights=f'weights/{weights}.pth', options=options, label=label)


networks = dict(
    reds4=_row('basicvsr_reds4', _bi, 'BasicVSR REDS (BI)'),
    reds4_on_bd=_row('basicvsr_reds4', _bd, 'BasicVSR REDS (BI) on BD'),
    vimeo_bi=_row('basicvsr_vimeo90k_bi', _bi, 'BasicVSR Vimeo-90K (BI)'),
    vimeo_bd=_row('basicvsr_vimeo90k_bd', _bd, 'BasicVSR Vimeo-90K (BD)'),
    animesr=_row('animesr_v2', [], 'AnimeSR v2 (BI)', 'mm_configs/animesr/animesr_paper.py'),
    bicubic=dict(config='mm_configs/bicubic/bicubic_bi.py', label='Bicubic (BI)'),
    bicubic_bd=dict(config='mm_configs/bicubic/bicubic_bi.py', options=_bd, label='Bicubic (BD)'),
)
_sets = dict(
    static='Static', speeds='Speeds', gammas='Gammas', moving='Moving', camera='Fixed camera'
)
test_sets = {key: dict(root=f'data/study/{key}', label=label) for key, label in _sets.items()}
sweeps = [
    dict(networks=['bicubic', 'bicubic_bd'], strategies=[None]),
    dict(networks=['reds4'], strategies=[None], reset_every=[None, 15, '15-overlap6']),
    dict(networks=['vimeo_bi', 'vimeo_bd', 'animesr', 'reds4_on_bd'], strategies=[None]),
]
jobs = 2
