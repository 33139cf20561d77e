"""The command line: a module for each tool or kind of tools, and what they share.

They import nothing heavy before their tool runs.
"""
