"""Configuration of the documentation site; ``make docs`` builds it into build/docs."""

project = 'vsr-stability'
extensions = [
    'myst_parser',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    'autoapi.extension',
]

myst_enable_extensions = ['dollarmath']
myst_heading_anchors = 3

# API pages are made from the source text: nothing is imported, so torch need not be installed.
autoapi_dirs = ['../dataset_tools', '../harness', '../reports']
autoapi_root = 'api'
autoapi_options = ['members', 'show-module-summary']
autoapi_add_toctree_entry = False
suppress_warnings = [
    'autoapi.python_import_resolution',  # of names that a tuple assigns
    'ref.python',  # of attributes that several classes have
]
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = 'furo'
html_title = 'vsr-stability'
