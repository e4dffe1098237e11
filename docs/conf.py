"""Sphinx configuration: `python -m pip install ".[docs]"`, then `python -m sphinx -W docs docs/_build`."""

from importlib.metadata import version as installed_version

project = "wassail"
author = "wassail developers"
copyright = "2026, wassail developers"
version = release = installed_version("wassail")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "decisions/README.md"]
myst_enable_extensions = ["dollarmath"]
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "wassail"
html_theme_options = {"navigation_with_keys": False, "show_nav_level": 2}
