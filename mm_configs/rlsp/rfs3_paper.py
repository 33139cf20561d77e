# RFS3: RLSP without recurrence (766,864 parameters), trained like it.
_base_ = './rlsp_paper.py'
model = dict(generator=dict(type='RFS3Net'))
