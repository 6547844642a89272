# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A built image is found again as long as nothing of what goes into it has changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ansible_collections.hostforge.hypervisor.molecule.shared.testbed import contents, recipe, rootfs
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.apt import AptSettings
from ansible_collections.hostforge.hypervisor.molecule.shared.testbed.errors import TestbedError

APT = AptSettings("Types: deb\n", ())
HYPERVISOR = ("libvirt", "qemu-system", "qemu-utils", "dnsmasq", "ovmf")


def digest(name: str = "debian-12", apt: AptSettings = APT, key: str = "key") -> str:
    return recipe.digest(recipe.RECIPES[name], apt, key)


def test_the_digest_is_the_same_for_the_same_things() -> None:
    assert digest() == digest()
    assert len(digest()) == 12


def test_the_digest_differs_with_each_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = recipe.RECIPES["debian-12"]
    seen = [
        digest(),
        digest("debian-13"),
        digest(apt=AptSettings("Types: deb-src\n", ())),
        digest(apt=AptSettings("Types: deb\n", ("x",))),
        digest(key="another"),
        recipe.digest(dataclasses.replace(first, disk_gib=21), APT, "key"),
    ]
    monkeypatch.setenv("HOSTFORGE_IMAGE_EPOCH", "2")
    seen.append(digest())
    assert len(set(seen)) == len(seen)


def test_an_unknown_image_is_answered_with_those_there_are() -> None:
    with pytest.raises(TestbedError, match="debian-12, debian-13"):
        recipe.recipe_named("debian-11")


def test_host_images_have_nothing_of_a_hypervisor() -> None:
    for one in recipe.RECIPES.values():
        if one.kind == "host":
            assert [name for name in one.packages if name.startswith(HYPERVISOR)] == []


@pytest.mark.parametrize("name", recipe.RECIPES)
def test_the_builder_is_given_sources_and_no_mirror(name: str) -> None:
    one = recipe.RECIPES[name]
    command = rootfs.mmdebstrap_command(one, APT, Path("/x/debian.sources"), Path("/x/rootfs.tar"))
    assert command[-3:] == [one.suite, "/x/rootfs.tar", "/x/debian.sources"]
    assert not [word for word in command if "://" in word]


def test_apt_options_of_the_machine_reach_the_builder() -> None:
    apt = AptSettings("", ('Acquire::Check-Valid-Until "false";',))
    command = rootfs.mmdebstrap_command(recipe.RECIPES["debian-12"], apt, Path("/s"), Path("/t"))
    assert '--aptopt=Acquire::Check-Valid-Until "false";' in command


def test_each_debian_has_the_network_stack_it_is_installed_with() -> None:
    twelve = contents.host_files(recipe.RECIPES["debian-12"], APT)
    thirteen = contents.host_files(recipe.RECIPES["debian-13"], APT)
    assert "iface enp0s4 inet dhcp" in twelve["etc/network/interfaces"]
    assert "etc/network/interfaces" not in thirteen
    assert "Name=enp0s4" in thirteen["etc/systemd/network/20-uplink.network"]


def test_guests_know_no_user_and_no_key_before_cloud_init() -> None:
    files = contents.guest_files(recipe.RECIPES["debian-13-guest"], APT)
    assert not [name for name in files if "sudoers" in name or "authorized_keys" in name]


def test_files_and_masks_do_not_fight_over_a_path() -> None:
    for one in recipe.RECIPES.values():
        files = contents.host_files(one, APT) if one.kind == "host" else contents.guest_files(one, APT)
        assert not set(files) & set(contents.masked(one))


@pytest.mark.parametrize("name", ["debian-12-grub", "debian-13-grub"])
def test_a_host_that_a_boot_loader_starts_has_one_and_a_kernel_that_can_be_a_dom0(name: str) -> None:
    one = recipe.RECIPES[name]
    files = contents.host_files(one, APT)
    assert one.partitioned
    assert {"grub-pc", "linux-image-amd64"} < set(one.packages)
    assert "linux-image-cloud-amd64" not in one.packages
    assert files["etc/fstab"].startswith("LABEL=root / ")
    assert "GRUB_TIMEOUT=0" in files["etc/default/grub.d/testbed.cfg"]
    assert "linux /boot/vmlinuz-6.1 root=LABEL=root" in contents.first_grub_config("6.1")


def test_a_host_whose_kernel_is_given_to_qemu_has_no_boot_loader_and_no_partitions() -> None:
    one = recipe.RECIPES["debian-12"]
    files = contents.host_files(one, APT)
    assert not one.partitioned
    assert files["etc/fstab"].startswith("/dev/vda / ")
    assert not [name for name in files if "grub" in name]
