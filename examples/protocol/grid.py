networks = dict(bicubic=dict(config='mm_configs/bicubic/bicubic_bd.py', label='Bicubic'))
train_sets = dict(sample=dict(root='data/sample/train'))
test_sets = dict(moving=dict(root='data/sample/moving', label='Moving'))
plugins = ['my_protocol']
# frames made by other code, here the ground truth itself
external_results = dict(
    theirs=dict(label='Theirs', results=dict(moving='data/sample/moving/gt'), protocol='border8')
)
sweeps = [dict(strategies=[None])]
