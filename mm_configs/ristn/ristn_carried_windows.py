# An extension, not in the paper: each window passes its forward state on to the next one.
_base_ = './ristn_windows.py'
model = dict(generator=dict(carry=True))
