# make the set with: python -m dataset_tools degrade FRAMES --output data/mine
networks = dict(bicubic=dict(config='mm_configs/bicubic/bicubic_bd.py', label='Bicubic'))
train_sets = dict(sample=dict(root='data/sample/train'))
test_sets = dict(
    moving=dict(root='data/sample/moving', label='Moving'),
    mine=dict(root='data/mine', label='Mine'),
)
sweeps = [dict(strategies=[None])]
