"""Verification of sets: every kind of damage has its line."""

from __future__ import annotations

import json
from pathlib import Path

from dataset_tools.__main__ import main
from dataset_tools.frames import encode_png
from dataset_tools.manifest import MANIFEST
from dataset_tools.verify import verify


def test_verify_finds_damage(source_set: Path, photograph, capsys):
    assert main(['verify', str(source_set)]) == 0
    half = source_set / 'gt' / 'a' / '00000001.png'
    half.write_bytes(half.read_bytes()[:500])
    resized = source_set / 'gt' / 'a' / '00000003.png'
    resized.write_bytes(encode_png(photograph[:20, :32]))
    flipped = source_set / 'gt' / 'a' / '00000002.png'
    data = bytearray(flipped.read_bytes())
    data[100] ^= 1
    flipped.write_bytes(data)
    (source_set / 'lr_bd' / 'b' / '00000000.png').unlink()
    (source_set / 'gt' / 'a' / '00000005.png').touch()
    capsys.readouterr()
    assert main(['verify', str(source_set)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        'truncated: gt/a/00000001.png',
        'changed: gt/a/00000002.png',
        'size 32x20 instead of 64x48: gt/a/00000003.png',
        'missing: lr_bd/b/00000000.png',
        'extra: gt/a/00000005.png',
    ]


def test_verify_finds_an_edited_manifest(source_set: Path):
    path = source_set / MANIFEST
    manifest = json.loads(path.read_text())
    manifest['checksum'] = '0' * 64
    path.write_text(json.dumps(manifest))
    assert verify(source_set)[0].startswith('changed: manifest.json')
