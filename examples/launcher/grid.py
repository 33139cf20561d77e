networks = dict(bicubic=dict(config='mm_configs/bicubic/bicubic_bd.py', label='Bicubic'))
train_sets = dict(sample=dict(root='data/sample/train'))
test_sets = dict(moving=dict(root='data/sample/moving', label='Moving'))
sweeps = [dict(strategies=[None])]
plugins = ['my_launcher']
launcher = 'commands'
# with PBS: submit='echo {command} | qsub', status='qstat {job}', cancel='qdel {job}'
commands = dict(
    submit='sh -c {command} >/dev/null 2>&1 & echo $!',
    status='kill -0 {job}',
    cancel='kill {job}',
)
