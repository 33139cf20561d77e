# Bicubic interpolation of BD frames, evaluated without training.
model = dict(type='RecurrentVSR', generator=dict(type='BicubicUpsampler'))
