# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings with which Sphinx turns the module pages of antsibull-docs into a site, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docutils.nodes import Element, TextElement
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "hostforge.hypervisor"
extensions = ["sphinx_antsibull_ext"]
highlight_language = "YAML+Jinja"
pygments_style = "ansible"

OURS = "ansible_collections.hostforge.hypervisor."


def elsewhere(_app: Sphinx, _env: BuildEnvironment, node: pending_xref, content: TextElement) -> Element | None:
    """Leave what Ansible's own documentation holds as plain text; a lost reference of ours stays an error."""
    return None if node["reftarget"].startswith(OURS) else content


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("missing-reference", elsewhere)
