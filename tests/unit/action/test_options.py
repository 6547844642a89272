# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions do with a task's options before the module has them."""

from __future__ import annotations

from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.plugin_utils.options import controller_images, plain


class NotedText(str):
    """A text of which Ansible notes something."""

    __slots__ = ("noted",)


class NotedNumber(int):
    """A number of which Ansible notes something."""


class NotedList(list[Any]):
    """A list of which Ansible notes something."""


class NotedMapping(dict[str, Any]):
    """A mapping of which Ansible notes something."""


def kinds(value: Any) -> set[type]:
    """The types of a value and of all that is in it."""
    inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return {type(value)}.union(*map(kinds, inner))


def test_plain_options_are_equal_and_carry_no_notes() -> None:
    guest = NotedMapping({NotedText("name"): NotedText("a"), "vcpus": NotedNumber(2), "tpm": True, "memory": None})
    options = NotedMapping({"guests": NotedList([guest]), "delay": 1.5})
    found = plain(options)
    assert found == options
    assert kinds(found) <= {dict, list, str, int, bool, float, type(None)}
    assert found["guests"][0]["tpm"] is True


def test_what_is_no_text_and_no_number_is_left_as_it_is() -> None:
    secret = object()
    assert plain({"cloud_init": secret})["cloud_init"] is secret


def test_images_on_the_controller_are_found_wherever_they_stand() -> None:
    images = [{"source": name, "remote_src": remote} for name, remote in (("a", False), ("b", "no"), ("c", True))]
    disks = [{"image": image} for image in images]
    options = {"disks": disks[:1], "guests": [{"disks": disks[1:]}, "no guest", {"disks": "none", "name": "x"}]}
    assert controller_images(options) == images[:2]


def test_what_can_be_no_path_on_the_controller_is_left_to_the_module() -> None:
    images = [{"source": source, "remote_src": False} for source in (["a"], {"a": 1}, 5, "", "a\x00b", "a\nb", None)]
    assert controller_images({"disks": [{"image": image} for image in images]}) == []
