# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SimulatedXl: a SIMULATOR of xl, with the words, the output and the statuses that were captured of xl 4.17."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.disk_spec import parse_disk
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.nic_spec import parse_nic
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import HostError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.host import FileInfo

ROW = "{:<40} {:>5} {:>5} {:>5}     {:>6}  {:>8.1f}\n"
DOM0 = {
    "domid": 0,
    "config": {"c_info": {"type": "pv", "name": "Domain-0"}, "b_info": {"max_memkb": 1048576, "type.pv": {}}},
}
KIB = 1024
TIMEOUT = "libxl: error: libxl_aoutils.c:539:async_exec_timeout: killing execution of a script because of timeout"


class Files(Protocol):
    """What the simulator needs of the simulated host."""

    def info(self, path: str) -> FileInfo | None:
        """What there is at a path."""

    def read_file(self, path: str) -> bytes:
        """A file's content."""

    def write_file(self, path: str, content: bytes, mode: int = 0o600) -> None:
        """Write a file."""


@dataclass
class SimulatedDomain:
    """A domain. config: None while it is only half made. flags: as xl lists it."""

    number: int
    name: str
    config: dict[str, Any] | None
    flags: str = "-b----"

    @property
    def memory_mib(self) -> int:
        """What it has of the host."""
        return 0 if self.config is None else int(self.config["b_info"]["target_memkb"]) // KIB


class SimulatedXl:
    """xl on one host. stubborn: names of guests that do not shut down when asked. deaf: subcommands that fail.

    leaves_half_made: a create that fails leaves the domain behind. ignored: subcommands that do nothing. halves: that
    do it and fail all the same, so many times, as when a hotplug script takes longer than xl waits for it.
    slow_starts: how many guests will not start for that reason.
    """

    def __init__(self, host: Files, memory_mib: int = 8192) -> None:
        self._host = host
        self._memory_mib = memory_mib
        self._number = 0
        self.domains: list[SimulatedDomain] = []
        self.stubborn: set[str] = set()
        self.deaf: set[str] = set()
        self.leaves_half_made = False
        self.ignored: set[str] = set()
        self.halves: dict[str, int] = {}
        self.slow_starts = 0
        self.lists = 0

    def run(self, words: list[str]) -> str:
        """Run xl with words after its name."""
        verbs: dict[str, Callable[[list[str]], str]] = {
            "list": self._list,
            "info": self._info,
            "create": self._create,
            "destroy": lambda rest: self._drop(self._of(rest)),
            "shutdown": self._shutdown,
            "pause": self._pause,
            "unpause": self._unpause,
            "rename": self._rename,
            "save": self._save,
            "restore": self._restore,
            "mem-set": self._mem_set,
            "vcpu-set": self._vcpu_set,
            "block-attach": self._block_attach,
            "block-detach": self._block_detach,
            "network-attach": self._network_attach,
            "network-detach": self._network_detach,
            "cd-insert": self._medium,
            "cd-eject": self._medium,
        }
        if words[0] == "create" and words[0] in self.deaf and self.leaves_half_made:
            self._number += 1
            name = Definition(self._host.read_file(words[1]).decode()).text_of("name") or ""
            self.domains.append(SimulatedDomain(self._number, name, None, "--p---"))
        if self.halves.get(words[0]):
            self.halves[words[0]] -= 1
            verbs[words[0]](words[1:])
            raise _failed(words, 1, TIMEOUT)
        if words[0] in self.deaf:
            raise _failed(words, 1, "libxl: error: libxl_device.c: Domain 1: unable to do it: timed out")
        return "" if words[0] in self.ignored else verbs[words[0]](words[1:])

    def find(self, name: str) -> SimulatedDomain | None:
        """A domain by its name."""
        return next((one for one in self.domains if one.name == name), None)

    def _of(self, words: list[str]) -> SimulatedDomain:
        number = next(word for word in words if not word.startswith("-"))
        found = next((one for one in self.domains if str(one.number) == number), None)
        if found is None:
            raise _failed(words, 1, f"{number} is an invalid domain identifier (rc=-6)")
        return found

    def _config(self, words: list[str]) -> dict[str, Any]:
        config = self._of(words).config
        assert config is not None
        return config

    def _list(self, words: list[str]) -> str:
        self.lists += 1
        if words == ["-l"]:
            whole = [{"domid": one.number, "config": one.config} for one in self.domains if one.config is not None]
            return json.dumps([DOM0, *copy.deepcopy(whole)], indent=4) + "\n\n"
        text = "Name                                        ID   Mem VCPUs\tState\tTime(s)\n"
        text += ROW.format("Domain-0", 0, 1024, 2, "r-----", 398.4)
        for one in self.domains:
            count = 1 if one.config is None else len(one.config["b_info"]["avail_vcpus"])
            seconds = 0.0 if one.config is None and one.flags[2] == "p" else 3.9
            text += ROW.format(one.name, one.number, one.memory_mib, count, one.flags, seconds)
        return text

    def _info(self, _words: list[str]) -> str:
        free = self._memory_mib - sum(one.memory_mib for one in self.domains)
        lines = {
            "total_memory": self._memory_mib + 1024,
            "free_memory": free,
            "xen_version": "4.17.7",
            "xen_commandline": "placeholder dom0_mem=1024M,max:1024M",
        }
        return "".join(f"{key:<23}: {value}\n" for key, value in lines.items())

    def _create(self, words: list[str]) -> str:
        definition = Definition(self._host.read_file(words[0]).decode())
        name = definition.text_of("name") or ""
        if self.find(name) is not None:
            raise _failed(["create"], 3, f'libxl: error: a domain with name "{name}" already exists.')
        config = to_config(definition)
        self._refuse(definition, config)
        if self.slow_starts:
            self.slow_starts -= 1
            raise _failed(["create"], 3, TIMEOUT)
        self._number += 1
        self.domains.append(SimulatedDomain(self._number, name, config))
        return f"Parsing config from {words[0]}\n"

    def _refuse(self, definition: Definition, config: dict[str, Any]) -> None:
        built = config["b_info"]
        missing = [path for path in (built.get("kernel"), built.get("ramdisk")) if path and not self._host.info(path)]
        missing += [
            one["pdev_path"] for one in config["disks"] if one["pdev_path"] and not self._host.info(one["pdev_path"])
        ]
        if missing:
            raise _failed(["create"], 3, f"libxl: error: failed to stat {missing[0]}: No such file or directory")
        if config["c_info"]["type"] != "hvm" and not built.get("kernel") and not built.get("bootloader"):
            raise _failed(["create"], 3, "libxl: error: no kernel specified")
        for one in config["nics"]:
            self._refuse_bridge(one["bridge"])
        free = self._memory_mib - sum(one.memory_mib for one in self.domains)
        if built["target_memkb"] // KIB > free:
            raise _failed(["create"], 3, "libxl: error: Not enough memory")
        assert (definition.number_of("maxmem") or 0) >= (definition.number_of("memory") or 0)
        assert (definition.number_of("maxvcpus") or 1) >= (definition.number_of("vcpus") or 1)

    def _refuse_bridge(self, bridge: str) -> None:
        if self._host.info(f"/sys/class/net/{bridge.partition('.')[0]}") is None:
            raise _failed(["create"], 3, "vif-bridge: Could not find bridge device")

    def _drop(self, found: SimulatedDomain) -> str:
        self.domains.remove(found)
        return ""

    def _shutdown(self, words: list[str]) -> str:
        found = self._of(words)
        if found.name not in self.stubborn and found.flags[2] != "p":
            self._drop(found)
        return ""

    def _unpause(self, words: list[str]) -> str:
        self._of(words).flags = "-b----"
        return ""

    def _pause(self, words: list[str]) -> str:
        self._of(words).flags = "--p---"
        return ""

    def _rename(self, words: list[str]) -> str:
        found, config = self._of(words), self._config(words)
        found.name = config["c_info"]["name"] = words[1]
        return ""

    def _save(self, words: list[str]) -> str:
        found = self._of(words)
        self._host.write_file(words[1], json.dumps(found.config).encode())
        return self._drop(found)

    def _restore(self, words: list[str]) -> str:
        config = json.loads(self._host.read_file(words[0]))
        self._number += 1
        self.domains.append(SimulatedDomain(self._number, config["c_info"]["name"], config))
        return ""

    def _mem_set(self, words: list[str]) -> str:
        built, kib = self._config(words)["b_info"], int(words[1].removesuffix("m")) * KIB
        if kib > built["max_memkb"]:
            raise _failed(["mem-set"], 1, "memory_dynamic_max must be less than or equal to memory_static_max")
        built["target_memkb"] = kib
        return ""

    def _vcpu_set(self, words: list[str]) -> str:
        built, count = self._config(words)["b_info"], int(words[-1])
        if count > built["max_vcpus"]:
            raise _failed(["vcpu-set"], 1, "requested to set more vcpus than the maximum")
        built["avail_vcpus"] = list(range(count))
        return ""

    def _block_attach(self, words: list[str]) -> str:
        disks, new = self._config(words)["disks"], _disk(",".join(words[1:]))
        if self._host.info(new["pdev_path"]) is None or any(one["vdev"] == new["vdev"] for one in disks):
            raise _failed(["block-attach"], 1, f"libxl_device_disk_add failed: {new}")
        disks.append(new)
        return ""

    def _block_detach(self, words: list[str]) -> str:
        disks = self._config(words)["disks"]
        found = [one for one in disks if one["vdev"] == words[1]]
        if not found:
            raise _failed(["block-detach"], 1, f"Error: Device {words[1]} not connected.")
        disks.remove(found[0])
        return ""

    def _network_attach(self, words: list[str]) -> str:
        nics, new = self._config(words)["nics"], _nic(",".join(words[1:]), "pv", len(words))
        self._refuse_bridge(new["bridge"])
        nics.append(new)
        return ""

    def _network_detach(self, words: list[str]) -> str:
        nics = self._config(words)["nics"]
        found = [one for one in nics if one["mac"] == words[1]]
        if not found:
            raise _failed(["network-detach"], 1, f"Unknown device {words[1]}.")
        nics.remove(found[0])
        return ""

    def _medium(self, words: list[str]) -> str:
        (drive,) = [one for one in self._config(words)["disks"] if one["vdev"] == words[1]]
        drive["pdev_path"] = words[2] if len(words) > 2 else ""
        drive["format"] = "raw" if len(words) > 2 else "empty"
        return ""


def _failed(words: list[str], status: int, says: str) -> HostError:
    return HostError(f"xl {words[0]} ended with status {status}: {says}", status)


def _disk(text: str) -> dict[str, Any]:
    spec = parse_disk(text)
    cdrom = {"removable": 1, "is_cdrom": 1} if spec.cdrom else {"readwrite": 1} if not spec.read_only else {}
    return {"pdev_path": spec.target, "vdev": spec.vdev, "format": spec.format, **cdrom}


def _nic(text: str, kind: str, index: int) -> dict[str, Any]:
    spec = parse_nic(text)
    emulated = kind == "hvm" and spec.get("type") != "vif"
    more = {key: spec.get(key) for key in ("script", "model") if spec.get(key)}
    mac = spec.get("mac") or f"00:16:3e:00:00:{index:02x}"
    kind = "vif_ioemu" if emulated else "vif"
    return {"devid": index, "mac": mac, "bridge": spec.get("bridge") or "xenbr0", "nictype": kind, **more}


def to_config(definition: Definition) -> dict[str, Any]:
    """What xl list -l tells of a domain that is made by a definition. What is as by default is not in it."""
    kind = definition.text_of("type") or ("hvm" if definition.text_of("builder") == "hvm" else "pv")
    memory = (definition.number_of("memory") or 0) * KIB
    vcpus = definition.number_of("vcpus") or 1
    own: dict[str, Any] = {}
    if kind == "hvm":
        own = {"bios": definition.text_of("bios") or "seabios", "serial": "pty", "vnc": {"enable": "False"}}
        own |= {"boot": definition.text_of("boot") or "cda"}
    root, extra = definition.text_of("root"), definition.text_of("extra")
    cmdline = definition.text_of("cmdline") or (f"root={root} {extra}" if root else extra)
    built = {
        "max_vcpus": definition.number_of("maxvcpus") or vcpus,
        "avail_vcpus": list(range(vcpus)),
        "max_memkb": (definition.number_of("maxmem") or 0) * KIB or memory,
        "target_memkb": memory,
        "kernel": definition.text_of("kernel"),
        "cmdline": cmdline,
        "ramdisk": definition.text_of("ramdisk"),
        "bootloader": definition.text_of("bootloader"),
        f"type.{kind}": own,
    }
    events = {key: definition.text_of(key) for key in ("on_poweroff", "on_crash")}
    events["on_reboot"] = definition.text_of("on_reboot") or "restart"
    uuid = definition.text_of("uuid") or "11111111-2222-3333-4444-555555555555"
    return {
        "c_info": {"type": kind, "name": definition.text_of("name"), "uuid": uuid, "run_hotplug_scripts": "True"},
        "b_info": {key: value for key, value in built.items() if value is not None},
        "disks": [_disk(item.text) for item in definition.items_of("disk")],
        "nics": [_nic(item.text, kind, index) for index, item in enumerate(definition.items_of("vif"))],
        **{key: value.replace("-", "_") for key, value in events.items() if value not in (None, "destroy")},
    }
