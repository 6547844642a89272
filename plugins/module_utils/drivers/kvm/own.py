# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options under C(kvm:) that can only be judged when wish and state are seen together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from xml.etree.ElementTree import Element

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import fragments, machine
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.define import NO_SCREEN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.fragment_form import SCREEN
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.fragments import Fragment
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.change import Change
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.state import Guest


def as_wished(want: Guest, have: Guest, stored: Element, live: Element | None) -> Guest:
    """A state in the words of the wish, for what is only told in those.

    A machine of any version has the family's name where only that is wished, a guest with several screens has the one
    that is wished, and of the definition is told what the wish has fragments for. PlanError when it cannot be said
    which element a fragment is about.
    """
    wished: Sequence[Fragment] = want.option("xml") or ()
    found = _told(have, want, stored, [fragments.seen(stored, one) for one in wished])
    if have.live is None or live is None:
        return found
    return replace(found, live=_told(have.live, want, live, [fragments.runs(live, one) for one in wished]))


def _told(have: Guest, want: Guest, root: Element, found: Sequence[Fragment]) -> Guest:
    options = {**dict(have.options), **({"xml": tuple(found)} if want.option("xml") is not None else {})}
    wished = want.option("machine")
    if wished and machine.satisfies(have.option("machine"), wished):
        options["machine"] = wished
    screen = want.option("graphics")
    if any(one.get("type") == screen for one in root.findall("devices/graphics")):
        options["graphics"] = screen
    return replace(have, options=tuple(sorted(options.items())))


def one_by_one(changes: Iterable[Change]) -> Iterator[Change]:
    """The changes, with one for each fragment that differs: key is its path, before and after are its lines."""
    for change in changes:
        if (change.verb, change.field) == ("set", "xml"):
            differing = [pair for pair in zip(change.before, change.after) if pair[0] != pair[1]]
            for found, wished in differing:
                yield replace(change, key=wished.path, before=found.element, after=wished.element)
        else:
            yield change


def refuse(want: Guest, have: Guest | None, changes: Sequence[Change]) -> None:
    """Raise PlanError for what cannot be, with every reason."""
    looks = (_processor(want), _layout(want, have, changes), _family(want, have), _screens(want))
    reasons = [] if want.state == "absent" else [reason for look in looks for reason in look]
    if reasons:
        raise PlanError("; ".join(reasons))


def _processor(want: Guest) -> Iterator[str]:
    if want.option("cpu_mode") and want.option("cpu_model"):
        yield "cpu_mode and cpu_model: a processor has one of them, so write one"


def _layout(want: Guest, have: Guest | None, changes: Sequence[Change]) -> Iterator[str]:
    wished = want.option("topology")
    if wished is None:
        return
    # What there will be: a maximum follows its value where nothing is written.
    made = [max(one.after.vcpus or 0, one.after.vcpus_max or 0) for one in changes if one.verb == "create"]
    most = [one.after for one in changes if (one.verb, one.field) == ("set", "vcpus_max")]
    room = (made or most or [have.vcpus_max if have else None])[0]
    if room is not None and wished.vcpus != room:
        numbers = f"{wished.sockets} sockets x {wished.dies} dies x {wished.cores} cores x {wished.threads} threads"
        yield f"topology: {numbers} are {wished.vcpus} vcpus, and vcpus_max is {room}"


def _family(want: Guest, have: Guest | None) -> Iterator[str]:
    wished, found = want.option("machine"), have.option("machine") if have else None
    if wished and found and machine.family(wished) != machine.family(found):
        yield (
            f"machine: the guest is a {found} and does not become a {wished}, for its devices have addresses on the "
            "buses of that family; make another guest"
        )


def _screens(want: Guest) -> Iterator[str]:
    """A fragment would make a screen that graphics takes away again, or the other way round."""
    screen, wished = want.option("graphics"), want.option("xml") or ()
    for one in wished if screen is not None else ():
        steps = list(fragments.split(one.path))
        if not one.element or [tag for tag, _where in steps[:2]] != SCREEN.split("/"):
            continue
        if screen == NO_SCREEN or steps[1][1].get("type", screen) != screen:
            yield f"xml: {one.path} is about another screen than that of graphics, which is {screen}; write one of them"
