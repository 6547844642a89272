# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Input that is refused, as data: what it is about, the options, where the error is, and a part of what it says."""

from __future__ import annotations

from typing import Any

SECRET = "hunter2-correct-horse"  # noqa: S105
Case = tuple[str, dict[str, Any], str, str]

NAMES: list[Any] = [
    "", " ", "/", "a/b", "..", ".", "../a", ".a", "a\x00b", "a\nb", "a\n", "\na", "-a", "--help", "+a", "a b", "a\tb",
    "x" * 64, "x" * 300,
    "w\u0435b1", "\uff57eb1", "web\uff11", "web\u200b1", "w\u00ebb", "a;b", "$(id)", "`id`", "a'b", 'a"b', "<a>", "a&b",
    "\ud800", "a:b", "a*", "a\\b", "\x7f", "\x1b[0m", "a\u2028b",
]  # fmt: skip
SIZES: list[Any] = [
    "20", 20, "20 GB", "0 MiB", 0, -1, "-1 GiB", "1.0001 MiB", "99999999 TiB", "9" * 300 + " MiB", "GiB", "1.5", 1.5,
    "1 GiB\n2 GiB", "\u0662 GiB", "1 GiB;id", "inf GiB",
]  # fmt: skip


def disk(**options: Any) -> dict[str, Any]:
    return {"disks": [{"name": "root", **options}]}


def image(**options: Any) -> dict[str, Any]:
    return disk(image=options)


def nic(**options: Any) -> dict[str, Any]:
    return {"nics": [{"network": "default", **options}]}


URL = "https://example.org/a.qcow2"
SUM = f"sha256:{'0' * 64}"
NOT_A_LIST = [("a text", "x"), ("a number", 5), ("a mapping", {"name": "x"}), ("a flag", True)]
NOT_A_MAPPING = [("a text", "x"), ("a text of pairs", "name=x"), ("a number", 5), ("a list", ["x"]), ("a flag", True)]
NOT_A_TEXT = [("a mapping", {"a": 1}), ("a list", ["a"]), ("a flag", True)]
NOT_WHOLE = [
    ("a fraction", 1.5),
    ("a flag", True),
    ("a word", "two"),
    ("a list", [2]),
    ("a mapping", {}),
    ("words", "1 2"),
]
NOT_A_FLAG = [("a number", 2), ("a word", "maybe"), ("a list", []), ("a mapping", {}), ("a fraction", 0.5)]

TYPES: list[Case] = [
    *[(f"{key} as {what}", {key: value}, key, "a list is allowed")
      for key in ("disks", "nics", "cdroms") for what, value in NOT_A_LIST],
    *[(f"entry of {key} as {what}", {key: [value]}, f"{key}[0]", "a mapping is allowed")
      for key in ("disks", "nics", "cdroms") for what, value in [*NOT_A_MAPPING, ("nothing", None)]],
    *[(f"cloud_init as {what}", {"cloud_init": value}, "cloud_init", "a mapping") for what, value in NOT_A_MAPPING],
    *[(f"image as {what}", disk(image=value), "disks[0].image", "a mapping") for what, value in NOT_A_MAPPING],
    *[(f"own options as {what}", {"fake": value}, "fake", "a mapping") for what, value in NOT_A_MAPPING],
    *[(f"{key} as {what}", {key: value}, key, "a text is allowed")
      for key in ("description", "memory") for what, value in NOT_A_TEXT],
    *[(f"{key} as {what}", {key: value}, key, "a whole number")
      for key in ("vcpus", "vcpus_max", "wait_timeout", "shutdown_timeout") for what, value in NOT_WHOLE],
    *[(f"vlan as {what}", nic(vlan=value), "nics[0].vlan", "a whole number") for what, value in NOT_WHOLE],
    *[(f"{key} as {what}", {key: value}, key, "true or false")
      for key in ("tpm", "secure_boot", "delete_disks") for what, value in NOT_A_FLAG],
    ("own list as a text of lines", {"fake": {"tags": "a\nb"}}, "fake.tags", "a list is allowed"),
    ("own list as a number", {"fake": {"tags": 5}}, "fake.tags", "a list is allowed"),
    ("own list with a mapping", {"fake": {"tags": ["a", {}]}}, "fake.tags[1]", "a text is allowed"),
    ("cdrom source as a list", {"cdroms": [{"source": ["/a"]}]}, "cdroms[0].source", "a text"),
]  # fmt: skip

KEYS: list[Case] = [
    ("unknown option", {"colour": "red"}, "colour", "no such option"),
    ("unknown option of a disk", disk(colour="red"), "disks[0].colour", "no such option"),
    ("unknown option of an image", image(source="/a", colour=1), "disks[0].image.colour", "no such option"),
    ("unknown option of a card", nic(colour="red"), "nics[0].colour", "no such option"),
    ("unknown option of a drive", {"cdroms": [{"colour": 1}]}, "cdroms[0].colour", "no such option"),
    ("unknown own option", {"fake": {"colour": "red"}}, "fake.colour", "no such option"),
    ("another hypervisor's options", {"other": {}}, "other", "no such option"),
    ("option that is a number", {5: 6}, "5", "no such option"),
    ("unknown option of cloud_init", {"cloud_init": {"colour": 1}}, "cloud_init.", "no such option"),
    ("unknown option of autostart", {"autostart": {"colour": 1}}, "autostart", "order and delay"),
    ("disk without a name", {"disks": [{"size": "1 GiB"}]}, "disks[0].name", "is needed"),
    ("disk without anything", {"disks": [{}]}, "disks[0].name", "is needed"),
    ("image without a source", image(checksum="none"), "disks[0].image.source", "is needed"),
]

VALUES: list[Case] = [
    ("state", {"state": "started"}, "state", "running, stopped, present, absent"),
    ("firmware", {"firmware": "efi"}, "firmware", "bios, uefi"),
    ("restart", {"restart": "always"}, "restart", "never, graceful, force"),
    ("bus", disk(bus="ide"), "disks[0].bus", "virtio, scsi, sata"),
    ("own choice", {"fake": {"type": "quick"}}, "fake.type", "fast, slow"),
    ("no vcpus", {"vcpus": 0}, "vcpus", "from 1 to 4096"),
    ("too many vcpus", {"vcpus": 10**9}, "vcpus", "from 1 to 4096"),
    ("astronomic vcpus", {"vcpus": 10**30}, "vcpus", "from 1 to 4096"),
    ("negative vcpus", {"vcpus": -1}, "vcpus", "from 1 to 4096"),
    ("vlan", nic(vlan=4095), "nics[0].vlan", "from 0 to 4094"),
    ("time", {"wait_timeout": -1}, "wait_timeout", "from 0 to 86400"),
    ("vcpus over their maximum", {"vcpus": 4, "vcpus_max": 2}, "vcpus", "at most vcpus_max (2)"),
    ("memory over its maximum", {"memory": "2 GiB", "memory_max": "1 GiB"}, "memory", "at most memory_max"),
    ("secure boot with bios", {"secure_boot": True, "firmware": "bios"}, "secure_boot", "needs firmware uefi"),
    ("control characters", {"description": "a\x00b"}, "description", "control characters"),
    ("escape sequences", {"description": "\x1b[2J"}, "description", "control characters"),
    ("half a character", {"description": "\ud83d"}, "description", "control characters"),
    ("autostart as a word", {"autostart": "maybe"}, "autostart", "order and delay"),
    ("autostart as a number", {"autostart": 1}, "autostart", "order and delay"),
    ("autostart as a list", {"autostart": [True]}, "autostart", "order and delay"),
    ("order as a word", {"autostart": {"order": "first"}}, "autostart.order", "whole number"),
    ("order as a flag", {"autostart": {"order": True}}, "autostart.order", "whole number"),
    ("negative delay", {"autostart": {"delay": -1}}, "autostart.delay", "from 0"),
]

PLACES: list[Case] = [
    ("two disks of a name", {"disks": [{"name": "a"}, {"name": "a"}]}, "disks", "name a is there more than once"),
    ("a medium twice", {"cdroms": [{"source": "/a"}, {"source": "/a"}]}, "cdroms", "/a is there more than once"),
    ("a mac twice", {"nics": [nic(mac="52:54:00:00:00:01")["nics"][0], nic(mac="52-54-00-00-00-01")["nics"][0]]},
     "nics", "52:54:00:00:00:01 is there more than once"),
    ("card on a network and a bridge", nic(bridge="br0"), "nics[0]", "exactly one of network and bridge"),
    ("card on nothing", {"nics": [{}]}, "nics[0]", "exactly one of network and bridge"),
    ("mac as YAML's base 60", nic(mac=42332934596), "nics[0].mac", "in quotes"),
    ("half a mac", nic(mac="52:54:00"), "nics[0].mac", "six pairs"),
    ("multicast mac", nic(mac="01:00:5e:00:00:01"), "nics[0].mac", "multicast"),
    ("zero mac", nic(mac="00:00:00:00:00:00"), "nics[0].mac", "not zero"),
    ("look-alike mac", nic(mac="52:54:00:0\u041e:00:01"), "nics[0].mac", "six pairs"),
    ("empty network", {"nics": [{"network": ""}]}, "nics[0].network", "1 to 255 characters"),
    ("network with a slash", {"nics": [{"network": "a/b"}]}, "nics[0].network", "no /"),
    ("network of two lines", {"nics": [{"network": "a\nb"}]}, "nics[0].network", "1 to 255"),
    ("network like an option", {"nics": [{"network": "-a"}]}, "nics[0].network", "no - in front"),
    ("network of dots", {"nics": [{"network": ".."}]}, "nics[0].network", "1 to 255"),
    ("pool with a slash", disk(pool="../a"), "disks[0].pool", "no /"),
    ("empty pool", disk(pool=""), "disks[0].pool", "1 to 255"),
    ("endless pool", disk(pool="x" * 300), "disks[0].pool", "1 to 255"),
    ("long bridge", {"nics": [{"bridge": "x" * 16}]}, "nics[0].bridge", "1 to 15"),
    ("bridge with a space", {"nics": [{"bridge": "br 0"}]}, "nics[0].bridge", "no space"),
    ("bridge with a slash", {"nics": [{"bridge": "a/b"}]}, "nics[0].bridge", "no space"),
    ("bridge of dots", {"nics": [{"bridge": ".."}]}, "nics[0].bridge", "1 to 15"),
    ("bridge like an option", {"nics": [{"bridge": "-br0"}]}, "nics[0].bridge", "no - in front"),
    ("bridge in other letters", {"nics": [{"bridge": "br\u043e0"}]}, "nics[0].bridge", "1 to 15"),
    ("model", nic(model="a b"), "nics[0].model", "letters"),
    ("relative medium", {"cdroms": [{"source": "a.iso"}]}, "cdroms[0].source", "absolute path"),
    ("medium of two lines", {"cdroms": [{"source": "/a\nb"}]}, "cdroms[0].source", "one line"),
    ("medium with NUL", {"cdroms": [{"source": "/a\x00b"}]}, "cdroms[0].source", "control characters"),
    ("relative image", image(source="a.qcow2"), "disks[0].image.source", "absolute path"),
    ("image like an option", image(source="-a"), "disks[0].image.source", "absolute path"),
    ("image of two lines", image(source="/a\nb"), "disks[0].image.source", "one line"),
    ("empty image", image(source="", remote_src=False), "disks[0].image.source", "one line"),
    ("image from a URL unchecked", image(source=URL), "disks[0].image.checksum", "needs a checksum"),
    ("image from a URL of two lines", image(source=f"{URL} x", checksum=SUM), "disks[0].image.source", "no spaces"),
    ("URL on the controller", image(source=URL, checksum=SUM, remote_src=False), "disks[0].image.remote_src", "path"),
    ("short checksum", image(source=URL, checksum="sha256:00"), "disks[0].image.checksum", "ALGORITHM:HEX"),
    ("checksum without an algorithm", image(source=URL, checksum="0" * 64), "disks[0].image.checksum", "ALGORITHM:HEX"),
    ("checksum of an unknown kind", image(source=URL, checksum=f"crc:{'0' * 8}"), "disks[0].image.checksum", "md5"),
    ("checksum of digits of another kind", image(source=URL, checksum="sha256:" + "\u0660" * 64),
     "disks[0].image.checksum", "ALGORITHM"),
]  # fmt: skip

BOOT: list[Case] = [
    *[(f"link {value!r}", nic(link=value), "nics[0].link", "up, down are allowed") for value in ("", "on", "UP")],
    *[(f"link as {what}", nic(link=value), "nics[0].link", "a text is allowed") for what, value in NOT_A_TEXT],
    *[(f"boot order of {value}", {"boot_order": value}, "boot_order", "each of them once")
      for value in ([], ["disk", "disk"], ["disk", "cdrom", "disk"])],
    *[(f"boot order of {value}", {"boot_order": [value]}, "boot_order[0]", "disk, cdrom, network are allowed")
      for value in ("hd", "floppy", "", "Disk")],
    ("boot order with a number", {"boot_order": [True]}, "boot_order[0]", "a text"),
    ("boot order with nothing", {"boot_order": [None]}, "boot_order[0]", "a text"),
    *[(f"boot order as {what}", {"boot_order": value}, "boot_order", "a list is allowed")
      for what, value in NOT_A_LIST if value != "x"],
    ("boot order in words", {"boot_order": "disk,floppy"}, "boot_order[1]", "disk, cdrom, network are allowed"),
]  # fmt: skip
UUIDS: list[Case] = [
    (f"uuid {value!r}", {"uuid": value}, "uuid", "32 hex digits")
    for value in (
        "", "x", "0" * 32, "00000000-0000-0000-0000-000000000000", "{6f1a0e6c-1b5d-4c55-9d4e-0c9a5a3f7b21}",
        "6f1a0e6c-1b5d-4c55-9d4e-0c9a5a3f7b2", "6f1a0e6c1b5d-4c55-9d4e-0c9a5a3f7b21", "urn:uuid:" + "a" * 32,
        "\u0661" * 32,
        "6f1a0e6c-1b5d-4c55-9d4e-0c9a5a3f7b21\nx", "../" + "a" * 29,
    )
]  # fmt: skip

BAD = [*UUIDS, *BOOT, *TYPES, *KEYS, *VALUES, *PLACES]
