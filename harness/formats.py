"""Formats durations and sizes for people."""


def duration_text(seconds: float | None) -> str:
    """``'40 s'``, ``'12 min'``, ``'3.5 h'`` or ``'2.1 d'``; '' for 0 and None."""
    if not seconds:
        return ''
    for unit, name, digits in ((86_400, 'd', 1), (3600, 'h', 1), (60, 'min', 0)):
        if abs(seconds) >= 2 * unit:
            return f'{seconds / unit:.{digits}f} {name}'
    return f'{seconds:.0f} s'


def bytes_text(size: float) -> str:
    """``'1.50 GB'``, ``'20.0 MB'``, ``'0.4 kB'``; '' for 0. 1 GB is 10**9 bytes."""
    if not size:
        return ''
    if size >= 1e9:
        return f'{size / 1e9:.2f} GB'
    return f'{size / 1e6:.1f} MB' if size >= 1e6 else f'{size / 1e3:.1f} kB'
