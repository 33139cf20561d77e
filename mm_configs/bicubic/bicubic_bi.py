# Bicubic interpolation of BI frames (MATLAB's imresize), evaluated without training.
model = dict(type='RecurrentVSR', generator=dict(type='BicubicUpsampler', degradation='bi'))
lr_kind = 'lr_bi'
