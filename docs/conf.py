"""Sphinx configuration."""

import warnings

import lofe_sklearn

project = "lofe_sklearn"
copyright = "2026, the lofe_sklearn developers"
release = version = lofe_sklearn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
html_theme = "furo"
html_title = "lofe_sklearn"
exclude_patterns = ["_build", "examples", "auto_examples/*.ipynb", "auto_examples/*.py.md5"]
suppress_warnings = ["config.cache"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
numpydoc_show_class_members = False
# The docstrings say it, with shapes and in fewer words.
autodoc_typehints = "none"
autosummary_generate = True
autodoc_default_options = {
    "members": True,
    # Those of torch's modules are documented there.
    "inherited-members": "Module",
    # Their docstrings link into scikit-learn's own documentation.
    "exclude-members": "set_fit_request, set_partial_fit_request, get_metadata_routing, set_output",
}
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "remove_config_comments": True,
    "show_memory": False,
}
warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive")
