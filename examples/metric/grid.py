networks = dict(bicubic=dict(config='mm_configs/bicubic/bicubic_bd.py', label='Bicubic'))
train_sets = dict(sample=dict(root='data/sample/train'))
test_sets = dict(moving=dict(root='data/sample/moving', label='Moving'))
plugins = ['my_metric']
metrics = ['sharpness', 'tof']
sweeps = [dict(strategies=[None])]
