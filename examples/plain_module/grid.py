networks = dict(mine=dict(config='my_config.py', label='Mine'))
train_sets = dict(sample=dict(root='data/sample/train'))
test_sets = dict(moving=dict(root='data/sample/moving', label='Moving'))
sweeps = [dict(strategies=['RI'])]  # no state to start from, so only RI
