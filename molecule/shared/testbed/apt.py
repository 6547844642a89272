# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the machine's apt settings and turns them into package sources for any Debian suite."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import TestbedError
from .tools import run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# What a machine with a proxy, a frozen mirror or a slow line needs; the rest of its settings is its own affair.
_CARRIED = re.compile(r"^Acquire::(https?|ftp|Retries|Check-Valid-Until|Check-Date|ForceIPv[46])\b.* \".+\";$")
FROZEN = ('Acquire::Check-Valid-Until "false";',)
_FORMAT = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(CREATED_BY)"
_LOOPBACK = re.compile(r"(?<=//)(127\.0\.0\.1|localhost)(?=[:/])")


@dataclass(frozen=True)
class AptSettings:
    """What images take over: deb822 sources and lines of apt.conf."""

    sources: str
    options: tuple[str, ...]

    def seen_from_vm(self) -> AptSettings:
        """A proxy on the machine's loopback is at 10.0.2.2 for a VM with user networking."""
        return AptSettings(
            _LOOPBACK.sub("10.0.2.2", self.sources),
            tuple(_LOOPBACK.sub("10.0.2.2", line) for line in self.options),
        )


def settings_of(suite: str, components: tuple[str, ...] = (), frozen: bool = False) -> AptSettings:
    """The settings of a suite, with more components of its archive; frozen: apt believes a copy that is out of date."""
    apt = settings_for(suite)
    sources = with_components(apt.sources, suite, components) if components else apt.sources
    return AptSettings(sources, (*apt.options, *FROZEN) if frozen else apt.options)


def with_components(sources: str, suite: str, components: Iterable[str]) -> str:
    """The sources of a suite with more components, and without pockets, which not every suite has."""
    found = []
    for one in sources.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in one.splitlines())
        if suite in lines["Suites"].split():
            lines |= {"Suites": suite, "Components": " ".join(("main", *components))}
            found.append("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return "\n".join(found)


def settings_for(suite: str) -> AptSettings:
    """The machine's own sources with the suite swapped, or HOSTFORGE_MIRROR alone when that is set."""
    mirror = os.environ.get("HOSTFORGE_MIRROR")
    options = carried_options(run(["apt-config", "dump"]).splitlines())
    if mirror:
        return AptSettings(stanza(mirror, [suite, f"{suite}-updates"]), options)
    targets = run(["apt-get", "indextargets", "--format", _FORMAT]).splitlines()
    return AptSettings(sources_for(suite, machine_codename(), targets), options)


def carried_options(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines of `apt-config dump` that have to do with reaching and believing a mirror."""
    return tuple(line for line in lines if _CARRIED.match(line))


def sources_for(suite: str, own: str, targets: Iterable[str]) -> str:
    """deb822 sources of `suite`, from apt's list of index targets on a machine whose suite is `own`."""
    releases: dict[str, list[str]] = {}
    for line in targets:
        uri, release, component, origin, kind = line.split("|")
        pocket = release.removeprefix(own)
        # Other projects name their releases after Debian's: origin and component tell them apart.
        if kind != "Packages" or component != "main" or origin not in ("Debian", ""):
            continue
        if release.startswith(own) and pocket in ("", "-updates", "-security"):
            found = releases.setdefault(uri, [])
            if suite + pocket not in found:
                found.append(suite + pocket)
    if not any(suite in found for found in releases.values()):
        raise TestbedError(
            f"apt on this machine has no Debian sources from which those of {suite} could be derived; "
            "set HOSTFORGE_MIRROR to the address of a Debian mirror"
        )
    return "\n".join(stanza(uri, found) for uri, found in releases.items())


def stanza(uri: str, suites: Iterable[str]) -> str:
    return f"Types: deb\nURIs: {uri}\nSuites: {' '.join(suites)}\nComponents: main\nSigned-By: {KEYRING}\n"


def machine_codename() -> str:
    """VERSION_CODENAME of os-release(5); empty on systems without one."""
    match = re.search(r"^VERSION_CODENAME=\"?(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    return match.group(1) if match else ""
