"""Subcommands of ``python -m dataset_tools``, one module for each tool or kind of tools.

They may import all of ``dataset_tools``, but nothing heavy before their tool runs.
"""
