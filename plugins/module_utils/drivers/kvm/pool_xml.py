# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's XML of storage pools: read it, write it, edit it so that what we do not know survives. Pure.

Format: https://libvirt.org/formatstorage.html
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, SubElement

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.pool_spec import (
    FOLDER_TYPES,
    Pool,
    Source,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.xml import drop, ensure, parse, render

# A source's field -> its element and, unless it is the element's text, the attribute.
SOURCE_PLACES = {
    "device": ("device", "path"),
    "host": ("host", "name"),
    "dir": ("dir", "path"),
    "name": ("name", ""),
    "format": ("format", "type"),
}


def read_pool(xml: str) -> Pool:
    """What a definition says, except for power and autostart, which are not in it."""
    root = parse(xml)
    kind = root.get("type")
    permissions = root.find("target/permissions") if kind in FOLDER_TYPES else None
    mode = None if permissions is None else permissions.findtext("mode")
    return Pool(
        name=root.findtext("name") or "",
        state="stopped",
        type=kind,
        path=root.findtext("target/path"),
        source=_read_source(root.find("source")),
        mode=mode.lstrip("0") if mode else None,
        owner=None if permissions is None else permissions.findtext("owner"),
        group=None if permissions is None else permissions.findtext("group"),
        uuid=root.findtext("uuid"),
    )


def _read_source(node: Element | None) -> Source | None:
    if node is None:
        return None
    values: dict[str, Any] = {}
    for field, (tag, attribute) in SOURCE_PLACES.items():
        child = node.find(tag)
        values[field] = None if child is None else child.get(attribute) if attribute else child.text
    source = Source(**values)
    return None if source == Source() else source


def write_pool(pool: Pool) -> str:
    """The definition of a new pool."""
    root = Element("pool", type=pool.type or "dir")
    SubElement(root, "name").text = pool.name
    for field in ("source", "path", "mode", "owner", "group"):
        if getattr(pool, field) is not None:
            _set(root, field, getattr(pool, field))
    return render(root)


def edit_pool(xml: str, field: str, value: Any) -> str:
    """A definition with one field of Pool changed and everything else as it was."""
    root = parse(xml)
    # What these hold was measured, not defined, and libvirt ignores it on input.
    for measured in ("capacity", "allocation", "available"):
        drop(root, measured)
    _set(root, field, value)
    return render(root)


def _set(root: Element, field: str, value: Any) -> None:
    if field == "type":
        root.set("type", value)
    elif field == "path":
        ensure(ensure(root, "target"), "path").text = value
    elif field == "source":
        _set_source(ensure(root, "source"), value)
    else:
        ensure(ensure(ensure(root, "target"), "permissions"), field).text = f"0{value}" if field == "mode" else value


def _set_source(node: Element, source: Source) -> None:
    for field, (tag, attribute) in SOURCE_PLACES.items():
        value = getattr(source, field)
        if value is None:
            continue
        child = ensure(node, tag)
        if attribute:
            child.set(attribute, value)
        else:
            child.text = value
