networks = dict(
    frvsr=dict(
        config='mm_configs/frvsr/frvsr_rr_quickstart.py',
        options=['train_cfg.max_iters=12', 'model.generator.mid_channels=8'],
        label='FRVSR-RR',
    )
)
train_sets = dict(sample=dict(root='data/sample/train'))
test_sets = dict(moving=dict(root='data/sample/moving', label='Moving'))
custom_imports = dict(imports=['my_loop'])
strategies = dict(
    NOISY=dict(type='NoisyPILoop', noise=0.2, has_repeats=True, label='PI + noise', color='#332288')
)
sweeps = [dict(strategies=['RI', 'NOISY'], R=[2])]
