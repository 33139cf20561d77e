"""Reading configs."""

import codecs

from harness.configs import load_config


def test_a_byte_order_mark_is_no_part_of_a_config(tmp_path):
    """Editors on Windows write it, into files that others name in ``_base_`` as well."""
    for name, text in (('base.py', 'a = 1'), ('config.py', "_base_ = 'base.py'\nb = 'ü'")):
        (tmp_path / name).write_bytes(codecs.BOM_UTF8 + text.encode())
    cfg = load_config(str(tmp_path / 'config.py'))
    assert (cfg.a, cfg.b) == (1, 'ü')
