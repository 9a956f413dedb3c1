"""Sphinx configuration."""

import sys
import warnings
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "scripts"))

from class_members import documented  # noqa: E402
from make_inventories import mapping  # noqa: E402

import lofe_sklearn  # noqa: E402

project = "lofe_sklearn"
author = "the lofe_sklearn developers"
copyright = f"2026, {author}"
release = version = lofe_sklearn.__version__
# Where the newest release is. Each version also has a folder there, dev or 1.2, and an entry in the
# root's _static/switcher.json.
site = "https://lofe-sklearn.github.io/lofe_sklearn/"
shown_version = "dev" if "dev" in release else ".".join(release.split(".")[:2])

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = [
    "_build",
    "examples",
    "scripts",
    "auto_examples/*.ipynb",
    "auto_examples/*.py.md5",
]
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]

# Pages
myst_enable_extensions = ["dollarmath", "colon_fence"]
# Links to headings: [text](page.md#heading).
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
# Not beside what an example of the gallery prints.
copybutton_selector = "div.highlight:not(.sphx-glr-script-out *) pre"
copybutton_line_continuation_character = "\\"

# Reference: `NeuTraL` in a docstring is a link, `n_rows` is code.
default_role = "py:obj"
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
# Types are linked where they are one of these, other words of a description are left as they are.
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    "Backbone": "lofe_sklearn.backbones.Backbone",
    "DataFrame": "pandas.DataFrame",
    "GridSearchCV": "sklearn.model_selection.GridSearchCV",
    "LabelRule": "lofe_sklearn.rules.LabelRule",
    "Module": "torch.nn.Module",
    "Pipeline": "sklearn.pipeline.Pipeline",
    "RandomState": "numpy.random.RandomState",
    "ndarray": "numpy.ndarray",
}
toc_object_entries_show_parents = "hide"
# The docstrings say it, with shapes and in fewer words.
autodoc_typehints = "none"
autosummary_generate = True
# Of the page of a class: see class_members.py.
autosummary_context = {"documented": documented}
intersphinx_mapping = mapping(
    HERE / "scripts" / "inventories.toml", HERE / "_build" / "inventories"
)
intersphinx_timeout = 5

# Gallery
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "subsection_order": [
        f"examples/{group}"
        for group in ("tables", "ratio", "labels", "ensembles", "images", "scikit_learn", "pyod")
    ],
    "within_subsection_order": "FileNameSortKey",
    # Which examples use a name: shown on its page of the reference.
    "doc_module": ("lofe_sklearn",),
    "backreferences_dir": "reference/generated/examples",
    "reference_url": {"lofe_sklearn": None},
    "reset_modules": ("matplotlib", "figure_style.apply"),
    "image_srcset": ["2x"],
    "thumbnail_size": (400, 280),
    "min_reported_time": 5,
    "write_computation_times": False,
    "remove_config_comments": True,
    "show_memory": False,
}
warnings.filterwarnings("ignore", message=".*FigureCanvasAgg is non-interactive")


def without_path(message: Warning | str, category: type[Warning], *_: object) -> str:
    """Show a warning of an example without the place where the example was run."""
    return f"{category.__name__}: {message}\n"


warnings.formatwarning = without_path

# Links out of the site: make linkcheck
linkcheck_timeout = 15
linkcheck_retries = 2
# The site itself, before it is published, and headings that GitHub makes in the browser.
linkcheck_ignore = [rf"{site}.*"]
linkcheck_anchors_ignore_for_url = [r"https://github\.com/.*"]

# Looks
html_theme = "pydata_sphinx_theme"
html_title = "lofe_sklearn"
html_baseurl = site
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_favicon = "_static/favicon.svg"
html_search_scorer = str(HERE / "scripts" / "search_scorer.js")
html_show_sourcelink = False
html_copy_source = False
# These pages have no others below them.
html_sidebars = {
    "**": ["sidebar-nav-bs"],
    **{page: [] for page in ("index", "getting_started", "choosing", "search")},
}
html_theme_options = {
    "logo": {
        "image_light": "_static/logo-light.svg",
        "image_dark": "_static/logo-dark.svg",
        "alt_text": "lofe_sklearn",
    },
    "github_url": "https://github.com/lofe-sklearn/lofe_sklearn",
    "header_links_before_dropdown": 8,
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "navbar_end": ["version-switcher", "theme-switcher", "navbar-icon-links"],
    "switcher": {
        "json_url": f"{site}_static/switcher.json",
        "version_match": shown_version,
    },
    # The list is on the site. Without a network there is none, and custom.css hides the button.
    "check_switcher": False,
    "show_toc_level": 2,
    "navigation_depth": 2,
    "show_nav_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["licence"],
    "footer_end": [],
    "search_bar_text": "Search: missing values, threshold, GPU ...",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {
    "default_mode": "auto",
    "card_url": f"{site}_static/card.png",
    "card_text": "Deep anomaly detection for training data that is not clean, "
    "with scikit-learn's interface.",
}


def strip_code(app: Sphinx, doctree: nodes.document) -> None:
    """Take the empty last line from code: only a doctest in Markdown needs it."""
    for block in doctree.findall(nodes.literal_block):
        if block.rawsource == block.astext():
            block.rawsource = block.rawsource.rstrip()
            block[:] = [nodes.Text(block.rawsource)]


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", strip_code)
