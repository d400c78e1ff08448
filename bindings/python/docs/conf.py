"""How Sphinx builds the site. sonset must be installed, or found through PYTHONPATH."""

import sonset

project = "sonset"
author = "the authors of sonset"
project_copyright = author
version = release = sonset.__version__

extensions = ["sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build"]
default_role = "py:obj"
html_theme = "alabaster"
html_theme_options = {
    "description": "Sound at an exact sample, with a receipt for every action",
    "fixed_sidebar": True,
    "page_width": "1060px",
}
html_sidebars = {"**": ["about.html", "searchbox.html", "navigation.html"]}
html_show_sourcelink = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"
# The members of a class are shown once, by autodoc.
numpydoc_show_class_members = False
