# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wished network and the one found to the changes between them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.network_spec import (
    Dhcp,
    DhcpHost,
    Network,
    is_inside,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError

# In this order: a network that forwards needs its address first. All of them take a restart of the network.
COLD = ("address", "mode", "bridge", "domain", "mtu")


@dataclass(frozen=True)
class Found:
    """A difference: the change that mends it, and where it is (stored for the next start, or in the live network)."""

    change: Change
    stored: bool
    live: bool


def plan_network(want: Network, have: Network | None, restart: str) -> Iterator[Change]:
    """Yield the changes, in order. Raises PlanError. restart: never | force.

    A network without guests on it is restarted either way: that cuts nobody.
    """
    if want.state == "absent":
        yield from _remove(have)
    elif have is None:
        yield from _create(want)
    else:
        yield from _change(want, have, restart)


def is_pending(want: Network, have: Network | None) -> bool:
    """Whether the active network still lacks something that only a restart brings."""
    if have is None or have.state != "running" or want.state != "running":
        return False
    return any(found.live and not found.change.hot for found in differences(want, have))


def complete(want: Network) -> Network:
    """The wish for a new network, with the defaults of creation. Raises PlanError when something is lacking."""
    mode = want.mode or "nat"
    if mode == "bridge" and not want.bridge:
        raise PlanError("a network of mode bridge needs bridge: the name of the bridge on the host")
    if mode in ("nat", "route") and not want.address:
        raise PlanError(f"a network of mode {mode} needs an address, as in 192.168.122.1/24")
    if mode != "bridge" and want.dhcp and want.dhcp.enabled and not _has_ipv4(want.address):
        raise PlanError("dhcp needs an IPv4 address of the network")
    return replace(want, mode=mode, autostart=bool(want.autostart))


def _has_ipv4(addresses: tuple[str, ...] | None) -> bool:
    return any("." in address for address in addresses or ())


def _remove(have: Network | None) -> Iterator[Change]:
    if have is None:
        return
    if have.state == "running":
        yield Change(have.name, "stop", "state", before="running", after="stopped")
    yield Change(have.name, "remove", "network", before=replace(have, live=None))


def _create(want: Network) -> Iterator[Change]:
    yield Change(want.name, "create", "network", after=replace(complete(want), state="stopped"))
    if want.state == "running":
        yield Change(want.name, "start", "state", before="stopped", after="running")


def _change(want: Network, have: Network, restart: str) -> Iterator[Change]:
    _refuse(want, have)
    running, stays = have.state == "running", want.state == "running"
    if have.persistent is False:
        yield Change(want.name, "set", "persistent", before=False, after=True)
    found = list(differences(want, have))
    if running and not stays:
        yield Change(want.name, "stop", "state", before="running", after="stopped")
        found = [replace(one, change=replace(one.change, hot=False)) for one in found]
    yield from (one.change for one in found if one.stored or one.change.hot)
    if want.autostart is not None and want.autostart != have.autostart:
        yield Change(want.name, "set", "autostart", before=have.autostart, after=want.autostart)
    if not running and stays:
        yield Change(want.name, "start", "state", before="stopped", after="running")
    elif running and stays and is_pending(want, have) and (restart == "force" or not have.guests):
        yield Change(want.name, "restart", "state", before="running", after="running", force=bool(have.guests))


def _refuse(want: Network, have: Network) -> None:
    mode = want.mode or have.mode
    address = have.address if want.address is None else want.address
    if mode != have.mode and "bridge" in (mode, have.mode):
        raise PlanError(
            f"the mode is {have.mode} and cannot become {mode}: such networks have nothing in common. "
            "Make it absent first, or give the new one another name"
        )
    if mode in ("nat", "route") and not address:
        raise PlanError(f"a network of mode {mode} needs an address, as in 192.168.122.1/24")
    if mode == "bridge" or address is None:
        return
    dhcp = effective_dhcp(want, have)
    if dhcp.enabled and not _has_ipv4(address):
        raise PlanError("dhcp needs an IPv4 address of the network; write one, or dhcp: {enabled: false}")
    if dhcp.enabled and dhcp.start and not is_inside(dhcp.start, address):
        raise PlanError(
            f"dhcp starts at {dhcp.start}, outside {', '.join(address)}: write dhcp for the new address, too"
        )


def effective_dhcp(want: Network, have: Network) -> Dhcp:
    """What DHCP is to be: the wish, with what is found in every place that was not written."""
    found = have.dhcp or Dhcp(enabled=False)
    wish = want.dhcp
    if wish is None:
        return found
    if not wish.enabled:
        return Dhcp(enabled=False)
    start, end = (wish.start, wish.end) if wish.start else (found.start, found.end)
    return Dhcp(True, start, end, wish.hosts if wish.hosts is not None else found.hosts)


def differences(want: Network, have: Network) -> Iterator[Found]:
    """Every difference, in the order to mend them. DHCP is changed at once where nothing else waits for a restart."""
    live = (have.live or have) if have.state == "running" else None
    waits = False
    for name in COLD:
        wanted, stored = getattr(want, name), getattr(have, name)
        found = stored if live is None else getattr(live, name)
        if wanted is not None and (stored != wanted or found != wanted):
            before = stored if stored != wanted else found
            yield Found(Change(want.name, "set", name, before=before, after=wanted), stored != wanted, found != wanted)
            waits = True
    yield from _dhcp_differences(want, have, live, waits)


def _dhcp_differences(want: Network, have: Network, live: Network | None, waits: bool) -> Iterator[Found]:
    if want.dhcp is None:
        return
    stored, running = have.dhcp or Dhcp(enabled=False), (live.dhcp or Dhcp(enabled=False)) if live else None
    both = [stored] + ([running] if running is not None else [])
    others = [one for one in both if one.enabled != want.dhcp.enabled]
    if others:
        after = want.dhcp if want.dhcp.enabled else Dhcp(enabled=False)
        change = Change(want.name, "set", "dhcp", before=others[0], after=after)
        yield Found(change, stored.enabled != after.enabled, running is not None and running.enabled != after.enabled)
    elif want.dhcp.enabled:
        yield from _range_differences(want, want.dhcp, stored, running, waits)
        yield from _host_differences(want, want.dhcp, stored, running, waits)


def _range_differences(want: Network, wish: Dhcp, stored: Dhcp, live: Dhcp | None, waits: bool) -> Iterator[Found]:
    if not wish.start:
        return
    wanted = Dhcp(True, wish.start, wish.end)
    spans = [Dhcp(True, one.start, one.end) for one in (stored, live) if one is not None]
    others = [one for one in spans if one != wanted]
    if others:
        in_live = live is not None and spans[-1] != wanted
        change = Change(want.name, "set", "dhcp.range", before=others[0], after=wanted, hot=in_live and not waits)
        yield Found(change, spans[0] != wanted, in_live)


def _host_differences(want: Network, wish: Dhcp, stored: Dhcp, live: Dhcp | None, waits: bool) -> Iterator[Found]:
    if wish.hosts is None:
        return
    wanted, kept = _by_mac(wish), _by_mac(stored)
    running = None if live is None else _by_mac(live)
    # Those that go come first and new ones last: libvirt refuses an address, or a name, that another one still has.
    there = {*kept, *(running or {})}
    for mac in sorted({*wanted, *there}, key=lambda mac: (mac in wanted, mac not in there, mac)):
        after, in_stored = wanted.get(mac), kept.get(mac)
        in_live = in_stored if running is None else running.get(mac)
        if after != in_stored or after != in_live:
            before: Any = in_stored if after != in_stored else in_live
            verb = "remove" if after is None else "add" if before is None else "set"
            differs_live = running is not None and after != in_live
            change = Change(want.name, verb, "dhcp.hosts", mac, before, after, hot=differs_live and not waits)
            yield Found(change, after != in_stored, differs_live)


def _by_mac(dhcp: Dhcp) -> dict[str, DhcpHost]:
    return {host.mac: host for host in dhcp.hosts or ()}
