# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest model: value objects for the wish (what the user wants) and the state (what the host has).

In a wish, ``None`` means "leave alone". In a state, ``None`` means "unknown or not there".
All values are in normal form (bytes or MiB, lower-case MAC), so that equal things compare equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union

Scalar = Union[str, int, bool]
# What only one hypervisor has, as pairs sorted by key.
Options = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Image:
    """Where a disk's first content, or a whole guest, comes from. Only used when the disk or the guest is made.

    source: URL, path on the host, or (remote_src false) path on the controller; in a package, the name of the file.
    checksum: ``algorithm:hex``, ``algorithm:URL of a checksum file``, ``none``, or None when not given.
    copy: ``thin`` (an overlay on the cached image) or ``full``. package: the package that the image is a file of.
    """

    source: str
    checksum: str | None = None
    format: str = "qcow2"
    copy: str = "thin"
    remote_src: bool = True
    package: Image | None = None


@dataclass(frozen=True)
class Disk:
    """One disk, known by its name within the guest.

    path: where the data lies; in a wish, data that somebody else made and that is never deleted, of which size_bytes is
    then the least size. owned belongs to a state: whether this collection made the data for this guest and nothing else
    uses it, which is the condition for ever deleting it. size_bytes is None in a state when the definition names a disk
    whose data is not there. options: what only one hypervisor has of disks.
    """

    name: str
    size_bytes: int | None = None
    pool: str | None = None
    image: Image | None = None
    format: str | None = None
    bus: str | None = None
    path: str | None = None
    owned: bool = False
    options: Options = ()

    def option(self, key: str) -> Any:
        """The value of a hypervisor's own option, None when it is not written."""
        return dict(self.options).get(key)


@dataclass(frozen=True)
class Cdrom:
    """One cdrom drive and its medium; source None is an empty drive.

    drive belongs to a state: what the hypervisor calls the drive, the same in the stored and the running definition.
    """

    source: str | None = None
    drive: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Nic:
    """One network card, on a network of the hypervisor or on a bridge of the host; vlan 0 is untagged.

    link: up | down, whether the card sees a cable in it.
    options: what only one hypervisor has of network cards.
    """

    network: str | None = None
    bridge: str | None = None
    mac: str | None = None
    vlan: int | None = None
    model: str | None = None
    link: str | None = None
    options: Options = ()

    def option(self, key: str) -> Any:
        """The value of a hypervisor's own option, None when it is not written."""
        return dict(self.options).get(key)


@dataclass(frozen=True)
class CloudInit:
    """A NoCloud seed. Two seeds are equal when their content is; the host remembers only the digest.

    files: file name to content. It may hold secrets, so it is in no repr and in no comparison.
    """

    digest: str
    files: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Autostart:
    """Whether a guest starts with its host; order: lower first; delay_s: seconds until the next one starts."""

    enabled: bool
    order: int | None = None
    delay_s: int | None = None

    @property
    def is_ordered(self) -> bool:
        """Whether it says more than that the guest starts."""
        return self.enabled and (self.order, self.delay_s) != (None, None)


@dataclass(frozen=True)
class Guest:
    """A guest, wished for or found.

    state: running | stopped | present | absent in a wish, running | paused | stopped in a state.
    boot_order: what the firmware tries, in turn: disk | cdrom | network, in a state perhaps others.
    options: what only one hypervisor has, as pairs sorted by key.
    package: in a wish, the OVF package that the guest is made from.
    uuid: lower case, with dashes. addresses, unfinished, live belong to a state. unfinished: a run that was making the
    guest from a package was killed. live is what a running guest runs with at this
    moment, whereas the other fields are what is stored for its next boot; it is None when the guest is off.
    """

    name: str
    state: str = "present"
    description: str | None = None
    vcpus: int | None = None
    vcpus_max: int | None = None
    memory_mib: int | None = None
    memory_max_mib: int | None = None
    firmware: str | None = None
    secure_boot: bool | None = None
    tpm: bool | None = None
    boot_order: tuple[str, ...] | None = None
    disks: tuple[Disk, ...] | None = None
    cdroms: tuple[Cdrom, ...] | None = None
    nics: tuple[Nic, ...] | None = None
    cloud_init: CloudInit | None = None
    autostart: Autostart | None = None
    options: Options = ()
    uuid: str | None = None
    package: Image | None = None
    addresses: tuple[str, ...] = field(default=(), compare=False)
    unfinished: bool = field(default=False, compare=False)
    live: Guest | None = field(default=None, compare=False)

    def option(self, key: str) -> Any:
        """The value of a hypervisor's own option, None when it is not written."""
        return dict(self.options).get(key)


@dataclass(frozen=True)
class Policy:
    """What a run may do to a guest beyond changing it, and how long it waits.

    restart: never | graceful | force. wait_for: none | address. Timeouts in seconds.
    """

    restart: str = "never"
    delete_disks: bool = False
    wait_for: str = "none"
    wait_timeout_s: int = 300
    shutdown_timeout_s: int = 120
