# Part `ristn_spatial` of docs/study.md: the blocks of RISTN's spatial component (Table 1), on
# single frames. About 20 minutes on two CPU cores. Before it:
#   python -m dataset_tools sample --plan study
networks = dict(
    **{
        _block.lower(): dict(
            config='mm_configs/ristn/ristn_small_spatial.py',
            options=[f'model.generator.block={_block}'],
            label=_block,
        )
        for _block in ('RIB', 'IB', 'RB')
    },
    bicubic=dict(config='mm_configs/bicubic/bicubic_bi.py', label='Bicubic'),
)
train_sets = dict(sample=dict(root='data/study/train', label='Sample'))
test_sets = dict(moving=dict(root='data/study/moving', label='Moving'))
sweeps = [
    dict(networks=['bicubic'], strategies=[None]),
    dict(networks=['rib', 'ib', 'rb'], strategies=['RI'], seeds=[0, 1, 2, 3]),
]
jobs = 2
